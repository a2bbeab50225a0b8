import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import tf_v1_checkpoint as v1
from tests.encoders.loading import tf_v1_writer, tf_writer

# The bytes that tf.compat.v1.train.Saver(write_version=V1) of TensorFlow 2.21 wrote for `TRUTH`.
BY_TENSORFLOW = (
    '000091010a8e010a130a0b676c6f62616c5f737465701200180922000a140a067369676e6564120412020802'
    '180322020a000a200a127667676973682f636f6e762f626961736573120412020803180122020a000a270a13'
    '7667676973682f636f6e762f7765696768747312081202080212020802180122040a000a000a120a04776964'
    '65120412020801180222020a0012020801000f1600676c6f62616c5f7374657000010012140a0b676c6f6261'
    '6c5f7374657012001a03520107010c1d7369676e656400010101807f121b0a067369676e656412020a001a0d'
    '3a0bfdffffffffffffffff010201182a7667676973682f636f6e762f62696173657300010101807f12280a12'
    '7667676973682f636f6e762f62696173657312020a001a0e2a0c00000000000000000000803f0d0f31776569'
    '6768747300010102807f807f122f0a137667676973682f636f6e762f7765696768747312040a000a001a122a'
    '100000003f000000c00000404000000000010a187769646500010101807f12160a047769646512020a001a0a'
    '320859f3f8c21f6ea501000000000100000000af542409000000000100000000c0f2a1b000010301009e0300'
    '00000001000000005ab05c23a30308b0030f0000000000000000000000000000000000000000000000000000'
    '000000000000000057fb808b247547db'
)
TRUTH = {
    'vggish/conv/weights': np.array([[0.5, -2.0], [3.0, 0.0]], np.float32),
    'vggish/conv/biases': np.array([0, 0, 1], np.float32),
    'global_step': np.array(7, np.int64),
    'signed': np.array([-3, 2], np.int32),
    'wide': np.array([1e-300]),
}


def some():
    state = np.random.RandomState(0)
    tensors = {f'layer{i}/weights': state.standard_normal((3, i + 1)) for i in range(12)}
    found = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    found |= {
        'step': np.array(-1, np.int64),
        'wide': state.standard_normal((2, 2, 2)),
        'i32': np.arange(-3, 4, dtype=np.int32),
        'u8': np.arange(4, dtype=np.uint8),
        'i8': np.array([-5, 3], np.int8),
        'flags': np.array([True, False]),
        'none': np.zeros((0, 3), np.float32),
    }
    return found


def same(found, wanted):
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape


def test_reads_what_tensorflow_wrote(tmp_path):
    (tmp_path / 'model.ckpt').write_bytes(bytes.fromhex(BY_TENSORFLOW))
    same(v1.read(tmp_path / 'model.ckpt'), TRUTH)


def test_our_writer_writes_what_tensorflow_writes():
    """So that larger files of the tests prove what real ones would."""
    ours = tf_v1_writer.saved(TRUTH)
    theirs = bytes.fromhex(BY_TENSORFLOW)
    from jaxprobe.encoders.loading.tf_table import read_table

    mine, other = read_table(ours, 'ours'), read_table(theirs, 'theirs')
    assert list(mine) == list(other)
    del mine[b''], other[b'']  # Theirs has the producer's version too.
    assert mine == other


def test_every_type_and_several_blocks(tmp_path):
    tf_v1_writer.write(tmp_path / 'model.ckpt', some())
    assert v1.is_table(tmp_path / 'model.ckpt')
    same(v1.read(tmp_path / 'model.ckpt'), some())


def test_skipped_tensors_may_be_of_any_kind(tmp_path):
    tf_v1_writer.write(tmp_path / 'x', {'a': np.ones(2, np.float32), 'h': np.ones(2, np.float16)})
    assert list(v1.read(tmp_path / 'x', skip=('h*',))) == ['a']
    with pytest.raises(WeightsError, match=r'not supported: h \(type 19\)'):
        v1.read(tmp_path / 'x')


def test_partitioned_tensors_are_refused(tmp_path):
    (tmp_path / 'x').write_bytes(
        tf_v1_writer.saved({'a': np.ones(4, np.float32)}, tf_writer.field(1, b'\x08\x02'))
    )
    with pytest.raises(WeightsError, match=r'a \(stored in slices\)'):
        v1.read(tmp_path / 'x')


def test_a_v2_index_is_named(tmp_path):
    tf_writer.write(tmp_path / 'x', {'a': np.ones(2, np.float32)})
    assert v1.is_table(tmp_path / 'x.index')
    with pytest.raises(WeightsError, match='is the .index of a V2 checkpoint'):
        v1.read(tmp_path / 'x.index')


def test_other_files(tmp_path):
    for name, data in (('empty', b''), ('html', b'<html>'), ('pk', b'PK\x03\x04' * 30)):
        (tmp_path / name).write_bytes(data)
        assert not v1.is_table(tmp_path / name)
        with pytest.raises(WeightsError, match='not a TensorFlow checkpoint'):
            v1.read(tmp_path / name)


def test_a_flipped_bit_is_an_error_or_harmless(tmp_path):
    whole, refused = tf_v1_writer.saved(some()), 0
    for at in range(10, len(whole) - 48, 97):
        data = bytearray(whole)
        data[at] ^= 4
        (tmp_path / 'x').write_bytes(data)
        try:
            found = v1.read(tmp_path / 'x')
        except WeightsError:
            refused += 1
        else:
            same(found, some())  # It was in the filters' block, which nobody reads.
    assert refused > 20


@pytest.mark.parametrize('kept', [0.5, 0.99])
def test_cut_short(tmp_path, kept):
    data = tf_v1_writer.saved(some())
    (tmp_path / 'x').write_bytes(data[: int(kept * len(data))])
    with pytest.raises(WeightsError, match='not a TensorFlow checkpoint'):
        v1.read(tmp_path / 'x')


def test_values_that_do_not_fill_the_shape(tmp_path):
    good = tf_writer.field(1, b'a') + tf_writer.field(2, tf_writer.field(2, b'\x08\x03'))
    meta = good + tf_writer.field(3, 1) + tf_writer.field(4, tf_writer.field(1, b''))
    value = tf_writer.field(1, b'a') + tf_writer.field(3, tf_writer.field(5, b'\x00' * 8))
    entries = [
        (b'', tf_writer.field(1, tf_writer.field(1, meta))),
        (tf_v1_writer.key('a', 1), tf_writer.field(2, value)),
    ]
    (tmp_path / 'x').write_bytes(tf_writer.table(entries))
    with pytest.raises(WeightsError, match=r'a has shape \(3,\) and 2 values'):
        v1.read(tmp_path / 'x')
    (tmp_path / 'x').write_bytes(tf_writer.table(entries[:1]))
    with pytest.raises(WeightsError, match='names a, whose values are not there'):
        v1.read(tmp_path / 'x')


def one(proto, again=1, name=b'w', axes=1, kind=9):
    """A checkpoint of one tensor, its TensorProto given."""
    field = tf_writer.field
    shape = field(2, field(2, field(1, 1)) * axes)
    meta = field(1, name) + shape + field(3, kind) + field(4, field(1, b'') * axes)
    rows = [(b'\x00w%d' % k, field(2, field(1, b'w') + field(3, proto))) for k in range(again)]
    return tf_writer.table([(b'', field(1, field(1, meta))), *rows])


@pytest.mark.parametrize(
    'data',
    [
        one(tf_writer.field(10, b'\xff' * 9 + b'\x7f')),
        one(b'\x28' + b'\xff' * 9 + b'\x7f', kind=1),
        one(tf_writer.field(10, 1), again=2),
        one(tf_writer.field(10, 1), name=1 << 40),
        one(tf_writer.field(10, 1), axes=99),
    ],
    ids=['69 bits', 'a float of 69 bits', 'twice', 'a name that is a number', 'axes'],
)
def test_lies_behind_right_sums(tmp_path, data):
    (tmp_path / 'm.ckpt').write_bytes(data)
    with pytest.raises(WeightsError, match=r'm\.ckpt is damaged'):
        v1.read(tmp_path / 'm.ckpt')
