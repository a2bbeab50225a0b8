import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import ENCODERS
from jaxprobe.probes.head_shapes import HEADS
from jaxprobe.reports.listing import listing
from jaxprobe.tasks.registry import TASKS, build


def test_every_encoder_and_task_is_listed():
    assert {row['name'] for row in json.loads(listing('encoders', as_json=True))} == set(ENCODERS)
    assert {row['name'] for row in json.loads(listing('tasks', as_json=True))} == set(TASKS)


def test_what_the_issue_asks_of_a_row():
    for row in json.loads(listing('tasks', as_json=True)):
        assert {'metric', 'n', 'hours', 'licence', 'on_disk', 'status'} <= set(row)


@pytest.mark.parametrize('there', [True, False])
def test_on_disk_is_one_path_test(there, tmp_path):
    if there:
        (tmp_path / build('synth_key').card.folder).mkdir(parents=True)
    rows = {
        r['name']: r for r in json.loads(listing('tasks', as_json=True, data_dir=str(tmp_path)))
    }
    assert rows['synth_key']['on_disk'] is there


def test_a_name_gives_the_card_in_full():
    assert '--config.encoder.name=muq' in listing('encoders', 'muq')
    found = json.loads(listing('encoders', 'muq', as_json=True))
    assert found['layers'][0]['name'] == 'stem'
    with pytest.raises(ConfigError, match="Did you mean 'muq'"):
        listing('encoders', 'muqq')
    with pytest.raises(ConfigError, match='jaxprobe prepare synth_key'):
        listing('tasks', 'synth_key')


def test_heads_are_listed_with_their_widths():
    rows = {row['name']: row for row in json.loads(listing('heads', as_json=True))}
    assert set(rows) == set(HEADS)
    assert rows['mlp']['hidden'] == '512'
    assert rows['m5']['hidden'] == '516, 262 (768 to 10)'  # 10 + 505.33, 10 + 252.67.
    assert 'mir_ref' in listing('heads')
    with pytest.raises(ConfigError, match='takes no name'):
        listing('heads', 'mlp')


def test_a_dash_where_there_is_nothing_to_say():
    line = next(t for t in listing('encoders').splitlines() if t.startswith('fbank_chroma'))
    assert ' - ' in line
