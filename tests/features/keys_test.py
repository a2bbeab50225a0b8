import os
import shutil
from pathlib import Path

from jaxprobe.core import fs
from jaxprobe.features import keys
from jaxprobe.features.spec import Clip


def test_keys_follow_the_bytes_and_the_segment(tmp_path):
    (tmp_path / 'a').write_bytes(b'one')
    (tmp_path / 'b').write_bytes(b'one')
    (tmp_path / 'c').write_bytes(b'two')
    a, b, c = (tmp_path / name for name in 'abc')
    clips = [Clip(a), Clip(b), Clip(c), Clip(a, 1.0), Clip(a, 1.0, 2.0), Clip(a, 0.0, 2.0)]
    found, failed = keys.keys_of(clips, tmp_path / 'store')
    assert found[0] == found[1]
    assert len(set(found)) == 5
    assert failed == {}


def test_whole_numbers_are_the_same_segment(tmp_path):
    """A manifest may say 1 where another says 1.0."""
    assert keys.key_of('x', Clip(tmp_path, 1, 2)) == keys.key_of('x', Clip(tmp_path, 1.0, 2.0))


def test_unreadable_files_have_no_key(tmp_path):
    (tmp_path / 'a').write_bytes(b'one')
    clips = [
        Clip(tmp_path / 'none'),
        Clip(tmp_path / 'a'),
        Clip(tmp_path / 'a' / 'b'),
        Clip(tmp_path),
        Clip(Path('/dev/zero')),
        Clip(tmp_path / 'pipe'),
        Clip(tmp_path / 'a\0b'),
        Clip(tmp_path / 'n'.ljust(300, 'n')),
    ]
    os.mkfifo(tmp_path / 'pipe')  # Nothing ever comes out of it, and of zeros no end.
    found, failed = keys.keys_of(clips, tmp_path / 'store')
    assert [key is None for key in found] == [True, False, *[True] * 6]
    assert failed == {
        0: 'missing', 2: 'missing', 3: 'not_audio', 4: 'not_audio', 5: 'not_audio', 6: 'missing',
        7: 'unreadable',
    }  # fmt: skip


def test_hashes_are_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path, store = tmp_path / 'a', tmp_path / 'store'
    path.write_bytes(b'one')
    first = keys.keys_of([Clip(path)], store).keys
    hashed = []
    real = fs.sha256
    monkeypatch.setattr(fs, 'sha256', lambda p: hashed.append(p) or real(p))
    assert keys.keys_of([Clip(path)], store).keys == first
    assert hashed == []
    path.write_bytes(b'two')  # The same size; the time differs.
    os.utime(path, ns=(1, 1))
    assert keys.keys_of([Clip(path)], store).keys != first
    assert hashed == [path]


def test_moved_and_forgotten_audio_keeps_its_key(tmp_path):
    (tmp_path / 'old').mkdir()
    (tmp_path / 'old' / 'a').write_bytes(b'one')
    before = keys.keys_of([Clip(tmp_path / 'old' / 'a')], tmp_path / 'store').keys
    shutil.move(tmp_path / 'old', tmp_path / 'new')
    (tmp_path / 'store' / keys.CACHE).write_text('damaged')
    assert keys.keys_of([Clip(tmp_path / 'new' / 'a')], tmp_path / 'store').keys == before
