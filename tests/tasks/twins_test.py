import dataclasses

import numpy as np
import pytest
import soundfile

from jaxprobe.tasks import audit, twins
from jaxprobe.tasks.base import Item


@pytest.fixture
def items(tmp_path):
    """Four different second-long noises: two of train, one of valid, one of test."""
    random = np.random.RandomState(0)
    found = []
    for name, split in zip('abcd', ('train', 'train', 'valid', 'test')):
        soundfile.write(tmp_path / f'{name}.wav', random.uniform(-0.5, 0.5, 8000), 8000)
        found.append(Item(name, tmp_path / f'{name}.wav', split, 0))
    return found


def crossing(items, names):
    return audit.crossing(items, names)


def test_files_of_one_size_are_told_apart_by_their_bytes(items):
    assert len({item.path.stat().st_size for item in items}) == 1
    assert crossing(items, twins.by_bytes(items)[0]) == []
    items[3].path.write_bytes(items[0].path.read_bytes())
    assert crossing(items, twins.by_bytes(items)[0]) == ['a (train) and d (test)']


def test_copies_within_a_split_are_no_fault(items):
    items[1].path.write_bytes(items[0].path.read_bytes())
    assert crossing(items, twins.by_bytes(items)[0]) == []


def test_too_many_files_of_one_size_are_counted_not_read(items, monkeypatch):
    monkeypatch.setattr(twins, '_AT_ONCE', 3)
    items[3].path.write_bytes(items[0].path.read_bytes())
    names, many = twins.by_bytes(items)
    assert many == 4
    assert crossing(items, names) == []


def test_a_copy_in_another_format_has_the_same_samples(items, tmp_path):
    wave, rate = soundfile.read(items[0].path, dtype='int16')
    soundfile.write(tmp_path / 'd.flac', wave, rate)
    items[3] = dataclasses.replace(items[3], path=tmp_path / 'd.flac')
    assert crossing(items, twins.by_bytes(items)[0]) == []
    done = []
    found = twins.by_samples(items, threads=2, advance=lambda: done.append(1))
    assert crossing(items, found.names) == ['a (train) and d (test)']
    assert (len(done), found.failed) == (4, {})


def test_every_file_of_an_item_and_only_its_segment_is_heard(items):
    song = dataclasses.replace(items[3], path=items[1].path, more=(items[0].path,), start=0.5)
    found = twins.by_samples([*items[:3], song])
    assert [len(names) for names in found.names] == [1, 1, 1, 2]
    assert found.names[3][1] == found.names[0][0]
    assert found.names[3][0] != found.names[1][0]


def test_what_cannot_be_decoded_has_a_reason(items):
    items[2].path.write_bytes(b'RIFF')
    items[1].path.unlink()
    found = twins.by_samples(items)
    assert found.failed == {items[1].path: 'missing', items[2].path: 'not_audio'}
    assert found.names[2] == ('',)
