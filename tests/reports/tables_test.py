import csv
import io
import re

from jaxprobe.reports import read, tables, text


def _rows(content):
    return list(csv.DictReader(io.StringIO(content)))


def test_scores_csv_holds_every_result_with_all_digits(found):
    rows = _rows(tables.files(found)['scores.csv'])
    assert len(rows) == 9
    for row, r in zip(rows, found, strict=True):
        assert (row['encoder'], row['task']) == (r.encoder, r.task)
        assert float(row['score']) == r.data['main_score']['value']
        assert float(row['ci95_low']) == r.data['main_score']['ci95'][0]
        assert float(row['regret']) == r.data['regret']
        assert float(row['best_constant']) == r.constant
        assert row['source'] == r.data['selected']['source']
        assert row['random_weights'] == ('1' if r.encoder == 'toy' else '0')
    assert rows[[r.encoder for r in found].index('musicnn')]['mix'] == ''


def test_layers_csv_marks_the_selected_source(found):
    rows = _rows(tables.files(found)['layers.csv'])
    for r in found:
        here = [x for x in rows if (x['encoder'], x['task']) == (r.encoder, r.task)]
        assert [x['source'] for x in here] == [row['source'] for row in r.data['layers']]
        chosen = [x['source'] for x in here if x['selected'] == '1']
        assert chosen == [r.data['selected']['source']]
    weight = next(x for x in rows if x['encoder'] == 'muq' and x['source'] == 'block3')
    assert 0 < float(weight['weight_in_mix']) < 1


def test_rates_and_metrics_are_complete(found):
    rates = _rows(tables.files(found)['rates.csv'])
    assert len(rates) == sum(3 * len(r.data['layers']) for r in found)
    assert any(row['valid'] == '' for row in rates)  # The diverged pair.
    metrics = _rows(tables.files(found)['metrics.csv'])
    assert {m['metric'] for m in metrics if m['task'] == 'emotion'} == {
        'r2',
        'r2_arousal',
        'r2_valence',
    }
    assert all(m['best_constant'] for m in metrics)


def test_labels_csv_holds_every_score_of_every_label(found):
    rows = _rows(tables.files(found)['labels.csv'])
    for r in found:
        here = [x for x in rows if (x['encoder'], x['task']) == (r.encoder, r.task)]
        each = dict(r.data['per_label'])
        labels = each.pop('labels')
        assert len(here) == len(labels) * len(each)
        assert {x['label'] for x in here} == set(labels)
        assert {x['metric'] for x in here} == set(each)
        name = next(iter(each))
        values = [x['score'] for x in here if x['metric'] == name]
        assert values == ['' if v is None else str(v) for v in each[name]]


def test_files_are_those_named(found):
    assert tuple(tables.files(found)) == tables.NAMES
    assert tables.files(found) == tables.files(found)


def test_markdown_stands_nasty_names(odd_found):
    lines = tables.files(odd_found)['scores.md'].splitlines()
    table = [line for line in lines if line.startswith('|')]
    bars = {line.replace('\\|', '').count('|') for line in table}
    assert len(bars) == 1
    assert any('limited' in line for line in table)
    assert any('no score' in line for line in table)


def test_markdown_shows_intervals_and_constants(found):
    page = tables.markdown(found)
    r = read.of_task(found, 'tags10')[0]
    assert text.interval(r.data['main_score']['ci95']) in page
    assert f'best constant {text.number(r.constant)}' in page
    assert '(random weights)' in page


def test_console_fits_100_columns(found, odd_found):
    for results in (found, odd_found):
        lines = tables.console(results).splitlines()
        assert max(text.cells(line) for line in lines) <= tables.WIDTH
    assert 'toy: random' in tables.console(found)


def test_levels_are_said_once_where_encoders_agree(found, odd_found):
    assert len(tables.levels(read.of_task(found, 'tags2'))) == 1
    differing = tables.levels(odd_found)
    assert len(differing) == 2
    assert 'missing 1' in ' '.join(differing)


def test_constants_have_the_name_of_what_they_are(found):
    assert tables.level_line(read.of_task(found, 'tags2')[0]).startswith('Majority ')
    for kind, words in (
        ('beats', r'Metronome [-\d.]+, best metronome '),
        ('separation', r'Mixture [-\d.]+, best constant '),
        ('regression', r'Training mean [-\d.]+, best constant '),
    ):
        data = found[0].data | {'task': found[0].data['task'] | {'kind': kind}}
        assert re.match(words, tables.level_line(found[0]._replace(data=data)))


def test_empty_tables_are_empty():
    assert tables.to_csv([]) == '\n'
    assert tables.escape('a|b\n\\') == 'a\\|b \\\\'
