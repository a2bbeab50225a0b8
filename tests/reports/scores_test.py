from jaxprobe.reports import read, scores, text


def test_overview_has_every_score_and_one_bold_model_per_task(found):
    html = scores.overview(found)
    for r in found:
        assert text.number(r.data['main_score']['value']) in html
    assert html.count('<b>') == 3
    toys = [r for r in found if r.control]
    assert all(f'<b>{text.number(r.data["main_score"]["value"])}' not in html for r in toys)


def test_overview_stands_absent_pairs(found):
    html = scores.overview([r for r in found if (r.encoder, r.task) != ('muq', 'tags2')])
    assert f'<td>{text.NOTHING}</td>' in html


def test_task_table_marks_controls_and_shows_other_metrics(found):
    html = scores.task_table(read.of_task(found, 'tags10'))
    assert '<tr class="control">' in html
    assert 'macro_f1' in html
    r = read.of_task(found, 'tags10')[0]
    assert text.signed(r.data['mix_minus_best_layer']['value']) in html


def test_task_line_says_what_and_how_many(found):
    line = scores.task_line(read.of_task(found, 'tags2'))
    assert '5 tags' in line
    assert 'Items 120 / 60 / 80' in line


def test_remarks_are_spelled_out(found):
    html = scores.remarks(read.of_task(found, 'emotion'))
    assert 'random weights: a control' in html
    assert scores.remarks([]) == ''


def test_nasty_names_are_escaped(odd_found):
    for html in (scores.overview(odd_found), scores.task_table(odd_found)):
        assert '<i>' not in html
        assert '&lt;i&gt;' in html
