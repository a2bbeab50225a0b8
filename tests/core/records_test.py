import errno
import random

import numpy as np
import pytest

from jaxprobe.core import records
from jaxprobe.core.errors import StoreError


def _write(path, values):
    with records.shard_writer(path) as write:
        for value in values:
            write(value)


def test_decode_gives_back_what_encode_took():
    example = {
        'bytes': b'\x00\xff' * 5,
        'text': 'é',
        'int': -(2**62),
        'float': 0.5,
        'ints': [1, 2, 3],
        'floats': [1.0, 2.5],
        'flag': True,
    }
    assert records.decode(records.encode(example)) == {
        'bytes': [b'\x00\xff' * 5],
        'text': ['é'.encode()],
        'int': [-(2**62)],
        'float': [0.5],
        'ints': [1, 2, 3],
        'floats': [1.0, 2.5],
        'flag': [1],
    }


def test_encode_does_not_depend_on_the_order_of_names():
    names = [f'name{i}' for i in range(30)]
    shuffled = names[:]
    random.Random(0).shuffle(shuffled)
    assert records.encode({n: n for n in names}) == records.encode({n: n for n in shuffled})


@pytest.mark.parametrize('value', [[], None, [b'a', 1], {'a': 1}])
def test_encode_refuses_what_an_example_cannot_hold(value):
    with pytest.raises(TypeError):
        records.encode({'x': value})


def test_the_wire_format_is_that_of_tf_example():
    from tensorflow_datasets.proto import tf_example_pb2

    record = records.encode({'b': b'xyz', 'i': [5, -6], 'f': [0.25, 3.0]})
    theirs = tf_example_pb2.Example.FromString(record).features.feature
    assert list(theirs['b'].bytes_list.value) == [b'xyz']
    assert list(theirs['i'].int64_list.value) == [5, -6]
    assert list(theirs['f'].float_list.value) == [0.25, 3.0]


def test_a_shard_reads_back_in_any_order(tmp_path):
    values = [bytes([i]) * (i + 1) for i in range(50)]
    _write(tmp_path / 's', values)
    with records.ShardReader(tmp_path / 's', 50) as reader:
        assert len(reader) == 50
        assert reader.read([7, 3, 49, 3]) == [values[7], values[3], values[49], values[3]]
        assert reader.read([]) == []
    assert [p.name for p in tmp_path.iterdir()] == ['s']


def test_equal_records_give_equal_files(tmp_path):
    values = [np.random.default_rng(i).bytes(2000) for i in range(100)]
    _write(tmp_path / 'a', values)
    _write(tmp_path / 'b', values)
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


def test_an_empty_shard_is_whole(tmp_path):
    _write(tmp_path / 's', [])
    assert len(records.ShardReader(tmp_path / 's', 0)) == 0


def test_an_interrupted_shard_leaves_nothing(tmp_path):
    def interrupted():
        with records.shard_writer(tmp_path / 's') as write:
            write(b'x')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('cut', [1, 100, 65536, 131072, None])
def test_truncation_is_detected_and_the_file_named(tmp_path, cut):
    path = tmp_path / 'shard-00007'
    _write(path, [np.random.default_rng(i).bytes(3000) for i in range(100)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 if cut is None else -cut])
    with pytest.raises(StoreError, match=r'shard-00007 is damaged.*Delete that file.*this shard'):
        records.ShardReader(path, 100)


def test_missing_empty_and_foreign_files_are_detected(tmp_path):
    (tmp_path / 'empty').touch()
    (tmp_path / 'foreign').write_bytes(b'RIFF' * 50000)
    for name in ('missing', 'empty', 'foreign'):
        with pytest.raises(StoreError, match=name):
            records.ShardReader(tmp_path / name, 1)


def test_a_file_that_the_system_does_not_open_is_not_called_damaged(tmp_path, monkeypatch):
    def refused(path, mode='r'):
        raise OSError(errno.EMFILE, 'Too many open files', str(path))

    path = tmp_path / 'shard'
    path.write_bytes(b'')  # ArrayRecord says no more of the one than of the other.
    monkeypatch.setattr('builtins.open', refused)
    with pytest.raises(StoreError, match='cannot be opened: .*Too many open files') as caught:
        records.ShardReader(path, 1)
    assert 'Delete' not in str(caught.value)


def test_another_number_of_records_is_detected(tmp_path):
    _write(tmp_path / 's', [b'a', b'b'])
    with pytest.raises(StoreError, match='holds 2 records, 3 were written'):
        records.ShardReader(tmp_path / 's', 3)


def test_a_flipped_byte_raises_when_its_record_is_read(tmp_path):
    path = tmp_path / 's'
    values = [np.random.default_rng(i).bytes(3000) for i in range(20)]
    _write(path, values)
    data = bytearray(path.read_bytes())
    data[data.index(values[5]) + 1000] ^= 1
    path.write_bytes(data)
    reader = records.ShardReader(path, 20)
    assert reader.read([4, 6]) == [values[4], values[6]]
    with pytest.raises(StoreError, match='a record cannot be read'):
        reader.read(range(20))


def test_an_unwritable_place_is_a_store_error(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises((StoreError, OSError)):
        _write(tmp_path / 'file' / 's', [b'a'])


def test_a_full_disk_is_a_store_error(tmp_path, monkeypatch):
    monkeypatch.setattr(records.fs, 'temporary_name', lambda path: _dev_full())
    with pytest.raises(StoreError, match=r'cannot be written.*GiB are free'):
        _write(tmp_path / 's', [bytes(1 << 20)] * 8)
    assert not (tmp_path / 's').exists()


def _dev_full():
    class Full(type(records.Path())):
        def unlink(self, missing_ok=False):
            """The device must survive the clean-up."""

    return Full('/dev/full')


def test_damaged_names_the_next_step(tmp_path):
    assert 'encoded again' in str(records.damaged(tmp_path / 'x', 'why'))
