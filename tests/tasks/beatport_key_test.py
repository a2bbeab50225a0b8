import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.metrics import key as metrics
from jaxprobe.metrics.multiclass import always
from jaxprobe.tasks import beatport_key, key_names, registry
from jaxprobe.tasks.base import SPLITS
from tests.tasks import trees

GOLDEN = Path(__file__).parents[1] / 'golden' / 'beatport_key_counts.json'


def counted():
    """1272 songs of made-up names with the owner's number of each key."""
    counts = json.loads(GOLDEN.read_text())['counts']
    keys = [key_names.index(name) for name, n in counts.items() for _ in range(n)]
    return {f'{k:04d}': key for k, key in enumerate(keys)}


def test_parts_and_constants_are_mir_refs():
    """How many of each key a part has depends on the counts alone; Table 5 prints the scores."""
    keys = counted()
    splits = beatport_key.mir_ref_splits(keys)
    sizes = {split: sum(s == split for s in splits.values()) for split in SPLITS}
    assert sizes == beatport_key.CARD.items
    reference = np.array([keys[name] for name, split in splits.items() if split == 'test'])
    c_minor = always(key_names.index('C minor'), len(reference), 24)
    assert round(100 * metrics.weighted_score(reference, c_minor), 1) == 15.6
    assert round(100 * metrics.macro_weighted_score(reference, c_minor), 1) == 8.3


def test_songs_that_do_not_count(tmp_path):
    trees.beatport(tmp_path)
    items = beatport_key.items(tmp_path)
    assert len(items) == 24 - len(trees.BEATPORT_OUT)
    assert {item.target for item in items} == {14, 1, 17}
    assert items[0].group.startswith('a')
    assert [beatport_key.counts(text) for text in trees.BEATPORT_OUT] == [False] * 4


def test_the_artist_is_not_needed(tmp_path):
    trees.beatport(tmp_path)
    shutil.rmtree(tmp_path / 'beatport_key/meta')
    assert {item.group for item in beatport_key.items(tmp_path)} == {''}


def test_a_file_without_a_key(tmp_path):
    trees.beatport(tmp_path)
    (tmp_path / 'beatport_key/keys/1 x.txt').write_text('no key')
    with pytest.raises(DataError, match=r"1 x.txt: 'no key' is no key"):
        beatport_key.items(tmp_path)


def test_the_real_layout(shared):
    (item,) = beatport_key.items(shared / 'data/real_layouts')
    assert item.id == '100066 Lindstrom - Monsteer (Original Mix)'
    assert key_names.LABELS[item.target] == 'D minor'
    assert item.path.is_file()
    assert item.group == 'lindstrom'
    found = registry.build('beatport_key').prepare(shared / 'data/real_layouts')
    assert sum(found.found.values()) == 1
    assert any('scores cannot be compared' in note for note in found.notes)
