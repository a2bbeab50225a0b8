"""The bookkeeping is the program's own, and many shards need few open files."""

from pathlib import Path

import pytest

from benchmarks import metadata
from jaxprobe.features import manifest


@pytest.mark.slow
def test_every_step_is_measured_on_a_whole_store(tmp_path):
    found = metadata.measure(tmp_path, clips=90, per_shard=30)
    assert [line['step'] for line in found] == [
        'write manifest',
        'write sidecars',
        'read manifest',
        'read sidecars',
        'open reader',
        'write hashes',
        'read hashes',
    ]
    assert {line['shards'] for line in found} == {3}
    assert len(set(metadata.keys(90))) == 90
    assert manifest.read_sidecar(tmp_path, 2) is not None
    assert 30 < found[0]['disk_bytes_per_clip'] < 120


def test_a_reader_of_many_shards_opens_few_files(tmp_path):
    here = len(list(Path('/proc/self/fd').iterdir()))
    found = metadata.open_files(tmp_path, shards=40, limit=here + 30)
    assert found['error'] == ''
    assert found['open'] < here + 30


def test_draws_are_timed():
    order, rows = metadata.draws_of(items=200_000, steps=50)
    assert (order['items'], rows['steps']) == (200_000, 50)
    assert order['core_ns_per_item'] > 0
    assert rows['core_us_per_step'] > 0
