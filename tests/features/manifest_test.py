import json
import multiprocessing
import random

import pytest

from jaxprobe.core import records
from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest
from jaxprobe.features.manifest import Entry, Planned
from tests.features import store_case


def _clips(*keys, seconds=10.0):
    return [Planned(key, seconds) for key in keys]


def _keys(plan):
    return [''.join(clip.key for clip in shard) for shard in plan]


def test_shards_hold_about_so_much_audio():
    assert _keys(manifest.grown([], [], _clips(*'abcdefg'), 25.0)) == ['abc', 'def', 'g']
    assert _keys(manifest.grown([], [], _clips(*'abcd'), 10.0)) == ['a', 'b', 'c', 'd']
    short = _clips(*'abcd', seconds=0.1)
    assert _keys(manifest.grown([], [], short, 10.0)) == ['abcd']
    assert _keys(manifest.grown([], [], short, 10.0, least_seconds=5.0)) == ['ab', 'cd']
    assert manifest.grown([], [], [], 10.0) == []


def test_a_key_is_planned_once():
    assert _keys(manifest.grown([], [], _clips(*'abab'), 1000.0)) == ['ab']


def test_finished_shards_never_change_and_new_audio_follows():
    plan = manifest.grown([], [], _clips(*'abcd'), 20.0)
    done = [frozenset('ab'), frozenset('cd')]
    assert _keys(manifest.grown(plan, done, _clips(*'xbcyz'), 20.0)) == ['ab', 'cd', 'xy', 'z']


def test_the_same_request_after_a_kill_is_the_same_plan():
    """Whichever shards were finished, by one process or by several."""
    rng = random.Random(0)
    wanted = [Planned(f'k{i}', rng.uniform(0, 30)) for i in range(50)]
    plan = manifest.grown([], [], wanted, 60.0)
    for _ in range(20):
        done = [frozenset(c.key for c in shard) if rng.random() < 0.5 else None for shard in plan]
        assert manifest.grown(plan, done, wanted, 60.0) == plan


def test_part_of_an_unfinished_shard_moves_and_the_rest_waits():
    plan = manifest.grown([], [], _clips(*'abcd'), 20.0)
    part = manifest.grown(plan, [frozenset('ab'), None], _clips(*'ad'), 20.0)
    assert _keys(part) == ['ab', 'c', 'd']
    assert _keys(
        manifest.grown(part, [frozenset('ab'), None, frozenset('d')], _clips(*'abcd'), 20.0)
    ) == [
        'ab',
        'c',
        'd',
    ]
    assert _keys(manifest.grown(plan, [None, None], _clips(*'xy'), 20.0)) == ['ab', 'cd', 'xy']


def test_transient_failures_are_tried_again():
    entries = (
        Entry('a', 1, 0, 0),
        Entry('b', 0, 0, 0, 'missing'),
        Entry('c', 0, 0, 0, 'truncated'),
    )
    keys = manifest.settled(manifest.Sidecar(1, 1, '', entries))
    assert keys == {'a', 'c'}
    assert _keys(manifest.grown([_clips(*'abc')], [keys], _clips(*'abc'), 99.0)) == ['abc', 'b']


def test_manifest_survives_the_disk(tmp_path):
    plan = [_clips('a', 'b'), [], _clips('c', seconds=0.123)]
    assert manifest.read_manifest(tmp_path) == []
    manifest.write_manifest(tmp_path, plan)
    assert manifest.read_manifest(tmp_path) == plan
    (tmp_path / manifest.MANIFEST).write_text('{"shards": [')
    with pytest.raises(StoreError, match=r'manifest\.json is damaged'):
        manifest.read_manifest(tmp_path)


def test_pin_accepts_its_own_and_names_what_differs(tmp_path):
    manifest.pin(tmp_path, store_case.spec())
    manifest.pin(tmp_path, store_case.spec())
    assert manifest.read_spec(tmp_path) == store_case.spec()
    with pytest.raises(StoreError, match=r"(?s)tail: 'drop', now 'overlap'.*delete it"):
        manifest.pin(tmp_path, store_case.spec(tail='overlap'))


def test_read_spec_says_what_is_wrong(tmp_path):
    with pytest.raises(StoreError, match='run the extract stage first'):
        manifest.read_spec(tmp_path)
    manifest.pin(tmp_path, store_case.spec())
    path = tmp_path / manifest.FINGERPRINT
    value = json.loads(path.read_text())
    value['spec']['sample_rate'] = 16000
    path.write_text(json.dumps(value))
    with pytest.raises(StoreError, match='was changed'):
        manifest.read_spec(tmp_path)
    value['spec']['from_the_future'] = 1
    path.write_text(json.dumps(value))
    with pytest.raises(StoreError, match='another version'):
        manifest.read_spec(tmp_path)


def test_a_sidecar_counts_only_with_its_shard(tmp_path):
    assert manifest.read_sidecar(tmp_path, 3) is None
    with records.shard_writer(manifest.shard_path(tmp_path, 3)) as write:
        write(b'x')
    assert manifest.read_sidecar(tmp_path, 3) is None
    entries = [Entry('a', 1, 1, 0), Entry('b', 0, 0, 0, 'empty')]
    written = manifest.write_sidecar(tmp_path, 3, entries)
    assert manifest.read_sidecar(tmp_path, 3) == written
    assert (written.records, written.clips) == (1, tuple(entries))
    with open(manifest.shard_path(tmp_path, 3), 'ab') as file:
        file.write(b'x')
    with pytest.raises(StoreError, match='Delete that file'):
        manifest.read_sidecar(tmp_path, 3)
    manifest.shard_path(tmp_path, 3).unlink()
    assert manifest.read_sidecar(tmp_path, 3) is None
    assert manifest.sidecar_path(tmp_path, 3).name == 'windows-train.array_record-00003.json'


def test_entries_of_before_hashes_were_kept_are_read_as_unknown(tmp_path):
    with records.shard_writer(manifest.shard_path(tmp_path, 0)) as write:
        write(b'x')
    entries = [Entry('a', 1, 0, 0), Entry('b', 1, 0, 0, last=2.0), Entry('c', 1, 0, 0, sound='ab')]
    manifest.write_sidecar(tmp_path, 0, entries)
    stored = json.loads(manifest.sidecar_path(tmp_path, 0).read_text())['clips']
    assert [len(row) for row in stored] == [5, 6, 7]
    sidecar = manifest.read_sidecar(tmp_path, 0)
    assert sidecar
    assert sidecar.clips == tuple(entries)


def _hold(store, ready, release):
    with manifest.locked(store):
        ready.set()
        release.wait(30)


def test_one_writer_at_a_time(tmp_path):
    context = multiprocessing.get_context('spawn')
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, release))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(StoreError, match=f'pid {holder.pid} on'), manifest.locked(tmp_path):
        pass
    holder.kill()  # However it ends, the kernel lets go of the lock.
    holder.join(10)
    with manifest.locked(tmp_path):
        pass
    assert (tmp_path / manifest.LOCK).read_bytes() == b''


def test_a_disk_that_refuses_is_a_store_error(tmp_path):
    (tmp_path / 'file').touch()
    impossible = tmp_path / 'file' / 'store'
    with pytest.raises(StoreError, match=r'cannot be.*store_dir'), manifest.locked(impossible):
        pass
    with pytest.raises(StoreError, match='No space left'), manifest.locked(tmp_path / 'store'):
        raise OSError(28, 'No space left on device')


def test_files_whose_fields_are_gone_are_damaged(tmp_path):
    manifest.shard_path(tmp_path, 0).write_bytes(b'shard')
    manifest.sidecar_path(tmp_path, 0).write_text('{"records": 1}')
    with pytest.raises(StoreError, match=r'00000\.json is damaged .*this shard alone'):
        manifest.read_sidecar(tmp_path, 0)
    (tmp_path / manifest.MANIFEST).write_text('{"shards": [[3]]}')
    with pytest.raises(StoreError, match=r'manifest\.json is damaged .* delete the store'):
        manifest.read_manifest(tmp_path)
