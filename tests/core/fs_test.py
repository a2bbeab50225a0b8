import errno
import json
import os
import resource
import subprocess
import sys

import pytest

from jaxprobe.core import fs


def test_replacing_is_whole_or_absent(tmp_path):
    path = tmp_path / 'deep' / 'file.txt'
    with fs.replacing(path) as temporary:
        temporary.write_text('whole')
        assert not path.exists()
    assert path.read_text() == 'whole'
    assert [p.name for p in path.parent.iterdir()] == ['file.txt']


def test_failure_keeps_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / 'file.txt'
    fs.write_bytes(path, b'old')
    with pytest.raises(RuntimeError, match='half way'), fs.replacing(path) as temporary:
        temporary.write_text('new')
        raise RuntimeError('half way')
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file.txt']


def test_json_round_trip_has_one_form(tmp_path):
    fs.write_json(tmp_path / 'a.json', {'b': 1, 'a': [1, 2.5, 'é']})
    fs.write_json(tmp_path / 'b.json', {'a': [1, 2.5, 'é'], 'b': 1})
    assert (tmp_path / 'a.json').read_bytes() == (tmp_path / 'b.json').read_bytes()
    assert fs.read_json(tmp_path / 'a.json') == {'a': [1, 2.5, 'é'], 'b': 1}


def test_damaged_json_raises(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": 1')
    with pytest.raises(json.JSONDecodeError):
        fs.read_json(tmp_path / 'a.json')


def test_sweep_removes_litter_of_the_dead_and_spares_the_living(tmp_path):
    process = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    living = tmp_path / f'x{fs.TEMPORARY}{process.pid}'
    living.touch()
    dead = tmp_path / f'x{fs.TEMPORARY}{2**22 + 1}'
    dead.touch()
    (tmp_path / 'x').touch()
    try:
        assert fs.sweep(tmp_path) == [dead]
        assert living.exists()
    finally:
        process.communicate(b'\n')
    assert (tmp_path / 'x').exists()


def test_sweep_gives_other_machines_a_day(tmp_path):
    fresh, old = (tmp_path / f'{name}{fs.TEMPORARY}{2**22 + 1}.other' for name in 'xy')
    for path in (fresh, old):
        path.touch()
    os.utime(old, (0, 0))
    assert fs.sweep(tmp_path) == [old]
    own = fs.temporary_name(tmp_path / 'deep' / 'z')
    own.parent.mkdir()
    own.touch()
    assert fs.sweep(tmp_path) == []
    assert fs.sweep(tmp_path, below=True) == [own]  # Of a process that had this number before.


def test_a_lock_has_one_holder_and_says_who(tmp_path):
    refused = pytest.raises(fs.Held, match=f'pid {os.getpid()}')
    with fs.locked(tmp_path / 'lock'), refused, fs.locked(tmp_path / 'lock'):
        pass
    with fs.locked(tmp_path / 'lock'):
        pass


def test_a_disk_without_locks_is_used_and_said(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOSYS, 'Function not implemented')

    monkeypatch.setattr(fs.fcntl, 'flock', refuse)
    with fs.locked(tmp_path / 'lock'):
        assert f'{tmp_path} lies on a disk without locks' in capsys.readouterr().out


def test_a_full_disk_is_named(tmp_path):
    path = tmp_path / 'file'
    with pytest.raises(OSError, match='No space left') as caught, fs.replacing(path):
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert str(path) in str(caught.value)
    with pytest.raises(OSError, match='written; is the disk full.*file'), fs.replacing(path):
        raise OSError('372000 requested and 209888 written')  # As numpy words it.
    path.touch()
    fs.reserve(path, 4096)
    assert path.stat().st_size == 4096
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limit[1]))
    try:
        with pytest.raises(OSError, match='too large.*file'):
            fs.reserve(path, 2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_digest_ignores_key_order_and_sees_every_value():
    assert fs.digest({'a': 1, 'b': 2}) == fs.digest({'b': 2, 'a': 1})
    assert fs.digest({'a': 1, 'b': 2}) != fs.digest({'a': 1, 'b': 3})
    assert len(fs.digest({}, 64)) == 64


def test_sha256_of_a_known_file(tmp_path):
    (tmp_path / 'f').write_bytes(b'abc')
    assert fs.sha256(tmp_path / 'f').startswith('ba7816bf8f01cfea')


def test_free_bytes_of_a_folder_not_made_yet(tmp_path):
    assert fs.free_bytes(tmp_path / 'not' / 'there') > 0
