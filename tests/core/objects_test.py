"""The store here is fsspec's own memory behind the address s3://; the same program was run once
against a server that speaks S3 (BUILD.md, GPUs and pods).
"""

import subprocess
import sys

import pytest

from jaxprobe.core import objects
from jaxprobe.core.errors import ConfigError, StoreError

fsspec = pytest.importorskip('fsspec')
epath = pytest.importorskip('etils.epath')
URL = 's3://bucket/runs/one'


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty object store; returns what lies in it, path -> bytes."""
    from etils.epath import backend
    from fsspec.implementations.memory import MemoryFileSystem

    class Fake(MemoryFileSystem):
        protocol = 's3'
        store, pseudo_dirs, cachable = {}, [''], False

    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path / 'one'))
    fake = Fake()
    monkeypatch.setattr(backend._FileSystemSpecBackend, 'fs', lambda self, path: fake)
    return fake.store


def blobs(store):
    return [name for name in store if f'/{objects.BLOBS}/' in name]


def elsewhere(monkeypatch, tmp_path):
    """The same address on another machine."""
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path / 'two'))
    return objects.Twin(objects.local(URL))


def test_addresses_and_their_twins(store, tmp_path):
    twin = objects.local(URL)
    assert twin == tmp_path / 'one' / 'objects' / 's3' / 'bucket' / 'runs' / 'one'
    assert objects.address(twin.parent / 'stores') == 's3://bucket/runs/stores'
    assert objects.address(tmp_path) == ''
    assert objects.local(str(tmp_path / 'x')) == tmp_path / 'x'
    assert objects.of_run(tmp_path / 'x', tmp_path / 'stores') == []


@pytest.mark.parametrize('text', ['ftp://a/b', 's3://bucket', 's3://', 'gs://a/../b'])
def test_addresses_that_cannot_be(text):
    with pytest.raises(ConfigError, match='no address of an object store'):
        objects.local(text)


def test_folders_within_one_another_are_refused(store):
    with pytest.raises(ConfigError, match='a folder each'):
        objects.of_run(objects.local(URL), objects.local(f'{URL}/stores'))


def test_what_is_pushed_is_pulled_elsewhere(store, tmp_path, monkeypatch):
    twin = objects.Twin(objects.local(URL))
    assert twin.pull() == 0
    (twin.folder / 'deep').mkdir(parents=True)
    (twin.folder / 'a').write_bytes(b'one')
    (twin.folder / 'deep' / 'b').write_bytes(b'two')
    (twin.folder / 'a.tmp-9.x').write_bytes(b'half')
    (twin.folder / '.lock').write_bytes(b'')
    assert (twin.push(), twin.push()) == (2, 0)
    assert len(blobs(store)) == 2
    other = elsewhere(monkeypatch, tmp_path)
    assert (other.pull(), other.pull()) == (2, 0)
    found = sorted(p.relative_to(other.folder).as_posix() for p in other.folder.rglob('*'))
    assert found == ['a', 'deep', 'deep/b']
    assert (other.folder / 'deep' / 'b').read_bytes() == b'two'


def test_removed_and_changed_files_follow(store, tmp_path, monkeypatch):
    twin = objects.Twin(objects.local(URL))
    twin.folder.mkdir(parents=True)
    for name in 'abc':
        (twin.folder / name).write_text(name)
    twin.push()
    other = elsewhere(monkeypatch, tmp_path)
    other.pull()
    (other.folder / 'a').unlink()
    (other.folder / 'b').write_text('B')
    other.push()
    assert len(blobs(store)) == 2
    assert twin.pull() == 1
    assert {p.name: p.read_text() for p in twin.folder.iterdir()} == {'b': 'B', 'c': 'c'}


def test_a_writer_that_dies_leaves_the_state_before(store, tmp_path, monkeypatch):
    """The index is written last: blobs without it are nothing."""
    twin = objects.Twin(objects.local(URL))
    twin.folder.mkdir(parents=True)
    (twin.folder / 'a').write_text('old')
    twin.push()
    (twin.folder / 'a').write_text('new')
    write = objects.Twin._write

    def dies(self, name, data):
        if name == objects.INDEX:
            raise KeyboardInterrupt
        write(self, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(objects.Twin, '_write', dies)
        with pytest.raises(KeyboardInterrupt):
            twin.push()
    other = elsewhere(monkeypatch, tmp_path)
    other.pull()
    assert (other.folder / 'a').read_text() == 'old'
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path / 'one'))
    assert twin.pull() == 0  # Ahead: what was made here is not lost.
    twin.push()
    assert other.pull() == 1
    assert (other.folder / 'a').read_text() == 'new'


def test_two_writers_are_noticed(store, tmp_path, monkeypatch):
    twin = objects.Twin(objects.local(URL))
    twin.folder.mkdir(parents=True)
    (twin.folder / 'a').write_text('mine')
    twin.push()
    other = elsewhere(monkeypatch, tmp_path)
    other.pull()
    (other.folder / 'a').write_text('theirs')
    other.push()
    (twin.folder / 'a').write_text('mine again')
    (twin.folder / 'hours of work').write_text('mine')
    with pytest.raises(StoreError, match=r'changed by another run.*store_dir'):
        twin.push()
    with pytest.raises(StoreError, match=r'2 files that were never handed over \(a, hours of work'):
        twin.pull()  # The same command again.
    assert (twin.folder / 'a').read_text() == 'mine again'
    assert (twin.folder / 'hours of work').exists()


def test_a_store_that_has_gone_takes_nothing_with_it(store, tmp_path):
    twin = objects.Twin(objects.local(URL))
    twin.folder.mkdir(parents=True)
    (twin.folder / 'a').write_text('mine')
    twin.push()
    store.clear()
    with pytest.raises(StoreError, match='held 1 files .* and has none now'):
        twin.pull()
    assert (twin.folder / 'a').read_text() == 'mine'
    twin._beside().unlink()  # As the message says.
    assert (twin.pull(), twin.push()) == (0, 1)


def test_a_damaged_object_is_named(store, tmp_path, monkeypatch):
    twin = objects.Twin(objects.local(URL))
    twin.folder.mkdir(parents=True)
    (twin.folder / 'a').write_text('whole')
    twin.push()
    (name,) = blobs(store)
    store[name].seek(0)
    store[name].write(b'W')
    other = elsewhere(monkeypatch, tmp_path)
    with pytest.raises(StoreError, match=r'objects/[0-9a-f]{64} \(a\) does not hold the bytes'):
        other.pull()
    assert not (other.folder / 'a').exists()


@pytest.mark.parametrize(
    ('index', 'seen'),
    [
        (b'{', 'damaged'),
        (b'{"schema": 2, "files": {}}', 'another version'),
        (b'{"schema": 1, "files": {"../x": ["0", 1]}}', 'outside its folder'),
    ],
)
def test_indexes_that_are_none(store, index, seen):
    epath.Path(URL).joinpath(objects.INDEX).write_bytes(index)
    with pytest.raises(StoreError, match=seen):
        objects.here(URL)


def test_local_paths_import_nothing():
    code = (
        'import sys; from jaxprobe.core import objects; objects.here("/tmp/x"); '
        'assert not any(m.startswith(("etils", "fsspec")) for m in sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
