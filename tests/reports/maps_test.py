import re

from matplotlib.patches import Rectangle

from jaxprobe.reports import maps, read, style, text


def _texts(figure):
    return [t.get_text() for t in figure.axes[0].texts]


def _framed(figure):
    """Cells with a frame, as (row, column)."""
    patches = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    return {(round(p.get_y() + 0.47), round(p.get_x() + 0.48)) for p in patches}


def test_layers_by_tasks_shows_every_score_and_frames_the_selected(found):
    rows = read.of_encoder(found, 'muq')
    figure = maps.layers_by_tasks(rows)
    shown = _texts(figure)
    assert shown == [text.number(row['test'], 2) for r in rows for row in r.data['layers']]
    names = [row['source'] for row in rows[0].data['layers']]
    chosen = {(t, names.index(r.data['selected']['source'])) for t, r in enumerate(rows)}
    assert _framed(figure) == chosen


def test_rates_by_layers_marks_what_diverged(found):
    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'tags10'))
    figure = maps.rates_by_layers(r)
    shown = _texts(figure)
    assert shown[1] == '×'  # Cell 3: block0, the second rate.
    assert len(shown) == len(r.data['layers']) * 3
    rates = r.data['rates']['learning_rates']
    expected = {(s, rates.index(row['learning_rate'])) for s, row in enumerate(r.data['layers'])}
    assert _framed(figure) == expected


def test_weights_leave_out_layers_without_one(found):
    rows = read.of_encoder(found, 'muq')
    figure = maps.weights_by_tasks(rows)
    shown = _texts(figure)
    assert shown[0] == ''
    weights = rows[0].data['layer_weights'][0]['weights']
    assert shown[1:6] == [text.number(w, 2) for w in weights[1:]]
    assert maps.weights_by_tasks(read.of_encoder(found, 'musicnn')) is None


def test_odd_cases_draw(odd_found):
    for r in odd_found:
        for figure in (maps.rates_by_layers(r), maps.layers_by_tasks([r])):
            assert style.svg(figure)
    names = {r.data['encoder']['label'] for r in odd_found}
    alone = next(r for r in odd_found if r.data['selected'] is None)
    assert maps.weights_by_tasks([alone]) is None
    assert len(names) == 2


def test_26_layers_by_14_tasks_keep_their_cells_apart(found):
    import copy

    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'tags10'))
    data = copy.deepcopy(r.data)
    row = data['layers'][0]
    data['layers'] = [row | {'source': f'block{i}', 'layers': [i]} for i in range(26)]
    many = [r._replace(task=f'task{i}', data=data) for i in range(14)]
    figure = maps.layers_by_tasks(many)
    width, height = figure.get_size_inches()
    assert width / 26 > 0.4
    assert height / 14 > 0.25
    assert len(re.findall('<text', style.svg(figure).decode())) > 26 * 14


def test_marks_column():
    assert maps.marks_column([(0, 2), (1, 0)], 1) == 0
