import zipfile

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.tf_bundle import read_bundle
from tests.encoders.loading import tf_writer

STATE = np.random.RandomState(0)
TENSORS = {
    'conv/kernel': STATE.standard_normal((7, 3, 1, 5)).astype(np.float32),
    'conv/bias': STATE.standard_normal(5).astype(np.float32),
    'step': np.array(7, np.int64),
    'half': STATE.standard_normal(3).astype(np.float16),
    'wide': STATE.standard_normal((2, 2)),
    **{f'many/{k:03d}': STATE.standard_normal(k).astype(np.float32) for k in range(60)},
}
DATA = '.data-00000-of-00001'


@pytest.fixture
def folder(tmp_path):
    tf_writer.write(tmp_path / 'model', TENSORS)
    return tmp_path


def same(found):
    assert sorted(found) == sorted(TENSORS)
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)


def damage(path, change):
    data = bytearray(path.read_bytes())
    path.write_bytes(bytes(change(data)))


@pytest.mark.parametrize('given', ['', 'model', 'model.index', 'model' + DATA])
def test_read_bundle_by_folder_prefix_or_file(folder, given):
    same(read_bundle(folder / given if given else folder))


def test_read_bundle_with_an_empty_prefix_as_the_authors_have_it(tmp_path):
    tf_writer.write(f'{tmp_path}/', TENSORS)
    assert (tmp_path / '.index').is_file()
    same(read_bundle(tmp_path))


def test_read_bundle_inside_a_zip(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.whl', 'w', zipfile.ZIP_DEFLATED) as archive:
        for suffix in ('.index', DATA):
            archive.write(folder / f'model{suffix}', f'pkg/net/{suffix}')
    same(read_bundle(tmp_path / 'x.whl', 'pkg/net/'))
    with pytest.raises(WeightsError, match=r"no member 'pkg/other/\.index'(.|\n)*pkg/net/\.index"):
        read_bundle(tmp_path / 'x.whl', 'pkg/other/')


def test_read_bundle_in_a_damaged_zip(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.whl', 'w') as archive:
        archive.write(folder / 'model.index', 'net/.index')
        archive.write(folder / f'model{DATA}', f'net/{DATA}')
        at = archive.getinfo(f'net/{DATA}').header_offset + 200
    damage(tmp_path / 'x.whl', lambda d: d[:at] + bytes([d[at] ^ 4]) + d[at + 1 :])
    with pytest.raises(WeightsError, match='is damaged'):
        read_bundle(tmp_path / 'x.whl', 'net/')


def test_skipped_tensors_are_not_read(folder):
    damage(folder / f'model{DATA}', lambda d: bytes([d[0] ^ 1]) + d[1:])  # conv/bias, the first.
    found = read_bundle(folder, skip=['conv/b*', 'many/*'])
    assert sorted(found) == ['conv/kernel', 'half', 'step', 'wide']


def test_truncated_data(folder):
    damage(folder / f'model{DATA}', lambda d: d[: len(d) - 5])
    with pytest.raises(WeightsError, match='cut short'):
        read_bundle(folder)


def test_one_flipped_bit_in_the_data(folder):
    damage(folder / f'model{DATA}', lambda d: d[:50] + bytes([d[50] ^ 1]) + d[51:])
    with pytest.raises(WeightsError, match=r"tensor 'conv/kernel' fails its checksum"):
        read_bundle(folder)


def test_truncated_index(folder):
    damage(folder / 'model.index', lambda d: d[:100])
    with pytest.raises(WeightsError, match='not a TensorFlow checkpoint index'):
        read_bundle(folder)


def test_one_flipped_bit_in_the_index(folder):
    damage(folder / 'model.index', lambda d: d[:50] + bytes([d[50] ^ 1]) + d[51:])
    with pytest.raises(WeightsError, match='fails its checksum'):
        read_bundle(folder)


def test_data_of_another_checkpoint(folder):
    other = {name: tensor + 1 for name, tensor in TENSORS.items()}
    (folder / f'model{DATA}').write_bytes(tf_writer.bundle(other)[1])
    with pytest.raises(WeightsError, match='belongs to another index'):
        read_bundle(folder)


def test_a_folder_without_or_with_several_checkpoints(folder, tmp_path):
    empty = tmp_path / 'empty'
    empty.mkdir()
    with pytest.raises(WeightsError, match=r'no \.index file'):
        read_bundle(empty)
    tf_writer.write(folder / 'second', TENSORS)
    with pytest.raises(WeightsError, match=r"'model\.index', 'second\.index'"):
        read_bundle(folder)
    same(read_bundle(folder / 'second'))


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match='neither a folder, a wheel, nor the prefix'):
        read_bundle(tmp_path / 'nothing')


def test_renamed_data_file(folder):
    (folder / f'model{DATA}').rename(folder / f'renamed{DATA}')
    with pytest.raises(WeightsError, match='was one of them renamed or left behind'):
        read_bundle(folder)


def test_an_index_whose_shape_contradicts_its_size(folder):
    raw = TENSORS['conv/bias'].tobytes()
    header = tf_writer.field(1, 1)
    entry = tf_writer.field(1, 1) + tf_writer.field(2, tf_writer.field(2, tf_writer.field(1, 6)))
    entry += tf_writer.field(5, len(raw))
    (folder / 'model.index').write_bytes(tf_writer.table([(b'', header), (b'x', entry)]))
    with pytest.raises(WeightsError, match=r'has 20 bytes, but shape \(6,\) of float32 needs 24'):
        read_bundle(folder)


def test_types_no_checkpoint_of_ours_has(folder):
    header = tf_writer.field(1, 1)
    entry = tf_writer.field(1, 7) + tf_writer.field(5, 3)
    (folder / 'model.index').write_bytes(tf_writer.table([(b'', header), (b'graph', entry)]))
    assert read_bundle(folder, skip=['graph']) == {}  # A TF2 object graph may lie there.
    with pytest.raises(WeightsError, match="'graph' is of TensorFlow type 7"):
        read_bundle(folder)


def test_an_index_without_header_or_with_garbage(folder):
    (folder / 'model.index').write_bytes(tf_writer.table([(b'x', b'')]))
    with pytest.raises(WeightsError, match='no header'):
        read_bundle(folder)
    (folder / 'model.index').write_bytes(tf_writer.table([(b'', b''), (b'x', b'\x0f\xff')]))
    with pytest.raises(WeightsError, match='damaged'):
        read_bundle(folder)


def rewritten(folder, *entries, header=b''):
    (folder / 'model.index').write_bytes(tf_writer.table([(b'', header), *entries]))


@pytest.mark.parametrize(
    ('header', 'entry'),
    [
        (tf_writer.field(1, b'../../etc/passwd'), b''),
        (tf_writer.field(1, 1), tf_writer.field(3, b'../../etc/passwd')),
        (tf_writer.field(1, 1), tf_writer.field(4, b'abc')),
        (tf_writer.field(1, 1), tf_writer.field(2, tf_writer.field(2, b'\x08\x01') * 99)),
    ],
    ids=['shards', 'shard', 'offset', 'axes'],
)
def test_numbers_that_are_none(folder, header, entry):
    rewritten(folder, (b'x', tf_writer.field(1, 1) + entry), header=header)
    with pytest.raises(WeightsError, match='damaged'):
        read_bundle(folder)


def test_tensors_that_share_their_bytes(folder):
    """A small index could have one data file read and summed for ever."""
    size = len((folder / f'model{DATA}').read_bytes())
    shape = tf_writer.field(2, tf_writer.field(2, tf_writer.field(1, size)))
    entry = tf_writer.field(1, 4) + shape + tf_writer.field(5, size)
    rewritten(folder, (b'x', entry), (b'y', entry))
    with pytest.raises(WeightsError, match=f'describes {2 * size} bytes of shard 0, which has'):
        read_bundle(folder)


def test_files_that_never_end(folder):
    (folder / f'model{DATA}').unlink()
    (folder / f'model{DATA}').symlink_to('/dev/zero')
    with pytest.raises(WeightsError, match='no regular file'):
        read_bundle(folder)


def test_a_wheel_that_unpacks_to_more_than_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.whl', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('net/.index', bytes(40 << 20))
    with pytest.raises(WeightsError, match=r'x\.whl is damaged.*would unpack to'):
        read_bundle(tmp_path / 'x.whl', 'net/')
