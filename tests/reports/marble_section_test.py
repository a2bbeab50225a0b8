from jaxprobe.core import fs
from jaxprobe.reports import marble_section
from tests.reports.marble_test import result


def test_summary_skipped_tasks_and_costs_stand_on_the_page(tmp_path):
    fs.write_json(tmp_path / 'skipped.json', {'musdb18': 'stems <of> it'})
    html = marble_section.section([result('a', 'gtzan_genre', tmp_path, accuracy=0.75)])
    assert '75.0* (1 of 14 tasks)' in html
    assert 'needs stems &lt;of&gt; it' in html
    assert 'not on an RTX 3090' in html


def test_a_run_of_other_tasks_has_costs_alone(tmp_path):
    html = marble_section.section([result('a', 'synth_key', tmp_path, accuracy=0.75)])
    assert 'id="marble"' not in html
    assert 'Skipped' not in html
    assert 'Cost on this machine' in html
