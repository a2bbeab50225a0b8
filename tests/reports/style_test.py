import pytest
from matplotlib.text import Text

from jaxprobe.reports import style


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize('colour', [*style.COLOURS, style.CONTROL])
def test_lines_read_on_light_and_on_dark(colour):
    light, dark, own = _luminance('#ffffff'), _luminance('#14171c'), _luminance(colour)
    assert (light + 0.05) / (own + 0.05) >= 3.0
    assert (own + 0.05) / (dark + 0.05) >= 3.0


def test_encoders_look_different():
    looks = [style.look(i) for i in range(16)]
    assert len({(str(k['color']), str(k['linestyle'])) for k in looks}) == 16
    assert style.look(0, control=True)['color'] == style.CONTROL


def _figure():
    figure = style.canvas(4.0, 3.0)
    with style.context():
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], label='民謡 $x$')
        style.title(figure, 'a title that is far too long for a figure of four inches')
        style.note(figure, 'small print')
        figure.legend(loc='outside lower center')
    return figure


def test_equal_figures_are_equal_bytes():
    assert style.svg(_figure()) == style.svg(_figure())
    assert style.png(_figure(), 60) == style.png(_figure(), 60)


def test_svg_holds_text_and_no_date():
    svg = style.svg(_figure()).decode()
    assert '民謡 $x$' in svg
    assert '<dc:date>' not in svg


def test_names_in_other_scripts_use_a_font_that_has_them(monkeypatch, capsys):
    figure = _figure()
    style._say_boxes.cache_clear()
    monkeypatch.setattr(style, 'WIDE_FONTS', ('No Such Font',))
    boxes = style.png(figure, 60)
    assert 'PNG files show boxes' in capsys.readouterr().err
    style.png(figure, 60)
    assert capsys.readouterr().err == ''  # Said once.
    monkeypatch.setattr(style, 'WIDE_FONTS', ('STIXGeneral',))  # Comes with matplotlib.
    assert style.wide_font() == 'STIXGeneral'
    assert style.png(figure, 60)
    assert all(text.get_fontfamily() == ['sans-serif'] for text in figure.findobj(Text))
    monkeypatch.setattr(style, 'WIDE_FONTS', ('No Such Font',))
    assert style.png(figure, 60) == boxes


def test_settled_figures_do_not_move():
    figure = _figure()
    style.settle(figure)
    before = figure.axes[0].get_position().bounds
    style.svg(figure)
    assert figure.axes[0].get_position().bounds == before


def test_ink_on_colours():
    assert style.on((1.0, 1.0, 0.6)) == '#101010'
    assert style.on((0.1, 0.0, 0.3)) == '#ffffff'


def test_names_turn_or_thin_until_they_fit():
    for names, inches, turned in ((['1', '2'], 0.4, 0), (['a_long_name'] * 8, 0.4, 40)):
        axes = style.canvas(3.0, 2.0).add_subplot()
        style.tick_names(axes, names, inches=inches)
        assert axes.get_xticklabels()[0].get_rotation() == turned
    axes = style.canvas(3.0, 2.0).add_subplot()
    style.tick_names(axes, [f'block{i}' for i in range(100)], inches=0.03)
    assert len(axes.get_xticks()) == 20
