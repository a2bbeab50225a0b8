from jaxprobe.reports import curves, read, style


def test_a_curve_shows_what_the_results_say(found):
    rows = read.of_task(found, 'tags10')
    axes = curves.layer_curve(rows).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    for r in rows:
        label = r.encoder + (' (random weights)' if r.control else '')
        expected = [row['test'] for row in r.data['layers'] if not row['learned']]
        assert list(lines[label].get_ydata()) == expected
    assert lines['toy (random weights)'].get_color() == style.CONTROL
    assert any(label.startswith('best constant') for label in lines)
    assert 'mix' in [tick.get_text() for tick in axes.get_xticklabels()]


def test_a_hopeless_layer_does_not_flatten_the_rest(found):
    rows = read.of_task(found, 'emotion')
    assert min(row['test'] for r in rows for row in r.data['layers']) < -2
    axes = curves.layer_curve(rows).axes[0]
    assert axes.get_ylim()[0] > -1
    assert 'lies below' in axes.get_ylabel()


def test_bounded_metrics_are_never_clipped(found):
    axes = curves.layer_curve(read.of_task(found, 'tags2')).axes[0]
    lowest = min(row['test'] for r in found if r.task == 'tags2' for row in r.data['layers'])
    assert axes.get_ylim()[0] < lowest


def test_nothing_to_draw_still_draws(odd_found):
    figure = curves.layer_curve(odd_found)
    assert style.svg(figure)
    assert style.svg(curves.layer_curve(odd_found[:1]))
