import gzip
import os
import zipfile

import pytest

from jaxprobe.encoders.loading import unpacked

MORE = unpacked.FLOOR + (8 << 20)  # Zeros that pack to some kilobytes.


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', zipfile.ZIP_DEFLATED) as written:
        written.writestr('whole', b'weights')
        written.writestr('bomb', bytes(MORE))
        written.writestr('odd', b'weights', zipfile.ZIP_BZIP2)
        written.writestr('twice', b'one')
        with pytest.warns(UserWarning, match='Duplicate name'):
            written.writestr('twice', b'two')
    with zipfile.ZipFile(tmp_path / 'a.zip') as opened:
        yield opened


def test_members_that_are_refused_before_they_are_unpacked(archive):
    assert unpacked.member(archive, 'whole') == b'weights'
    for name, seen in (('bomb', 'would unpack to'), ('odd', 'uncommon'), ('twice', 'twice')):
        with pytest.raises(ValueError, match=seen):
            unpacked.member(archive, name)
    with pytest.raises(KeyError):
        unpacked.member(archive, 'absent')


def test_gunzip_reads_what_gzip_does():
    halves = gzip.compress(b'wei') + gzip.compress(b'ghts')
    assert unpacked.gunzip(halves) == gzip.decompress(halves) == b'weights'
    assert unpacked.gunzip(halves + bytes(7)) == b'weights'


@pytest.mark.parametrize(
    'damage',
    [
        lambda data: data[:-9],
        lambda data: data + b'more',
        lambda data: data[:-6] + bytes([data[-6] ^ 1]) + data[-5:],
        lambda data: data + gzip.compress(bytes(MORE), 1),
        lambda data: data + gzip.compress(b'') * unpacked.STREAMS,
    ],
    ids=['cut', 'a tail', 'another sum', 'a bomb behind it', 'streams without end'],
)
def test_gunzip_refuses(damage):
    with pytest.raises(unpacked.DAMAGE):
        unpacked.gunzip(damage(gzip.compress(b'weights' * 99)))


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / 'file').write_bytes(b'x')
    (tmp_path / 'link').symlink_to('file')
    (tmp_path / 'zeros').symlink_to('/dev/zero')
    os.mkfifo(tmp_path / 'pipe')
    assert unpacked.read_file(tmp_path / 'link') == b'x'
    for name in ('zeros', 'pipe', ''):
        with pytest.raises(OSError, match='no regular file'):
            unpacked.read_file(tmp_path / name)
