import collections
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import torch_pickle


def unpickle(data):
    return torch_pickle.unpickle(memoryview(data))


@pytest.mark.parametrize('protocol', [0, 1, 2, 4, 5])
def test_plain_objects_and_their_length(protocol):
    held = {'epoch': 3, 'losses': [1.5, None, True], 'shape': (2, 3)}
    data = pickle.dumps(held, protocol)
    assert unpickle(data + b'what follows') == (held, len(data))


def test_ordered_dict_is_the_one_class_they_may_make():
    held = collections.OrderedDict(a=1, b=2)
    assert unpickle(pickle.dumps(held, 2))[0] == held
    with pytest.raises(WeightsError, match=r'collections\.Counter'):
        unpickle(pickle.dumps(collections.Counter('aab'), 2))


def test_every_refused_name_is_listed_and_none_is_run():
    data = b'\x80\x02(cos\nsystem\nX\x04\x00\x00\x00trueRcsubprocess\nrun\nl.'
    with pytest.raises(WeightsError, match=r'os\.system, subprocess\.run'):
        unpickle(data)


def test_names_on_the_stack_are_refused_too():
    """Protocol 4 names globals by strings, which only the run itself can tell from data."""
    with pytest.raises(WeightsError, match=r'builtins\.eval'):
        unpickle(pickle.dumps(eval, 4))


BOMBS = {
    'a memo of 64 GB': b'\x80\x02K\x01r\xff\xff\xff\xff.',
    'a byte array of 1 TB': b'\x80\x05\x96' + struct.pack('<Q', 1 << 40) + b'.',
    'a string of 4 GB': b'\x80\x04\x8d' + struct.pack('<Q', 1 << 32) + b'x.',
    'a number of 2 GB': b'\x80\x02\x8b' + struct.pack('<i', 2**31 - 1) + b'.',
    'a frame of 1 EB': b'\x80\x04\x95' + struct.pack('<Q', 1 << 60) + b'N.',
}


@pytest.mark.parametrize('bomb', BOMBS.values(), ids=BOMBS.keys())
def test_memory_is_bounded(bomb):
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, EOFError, pickle.UnpicklingError, MemoryError)):
            unpickle(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_storages_are_found_in_any_depth_and_in_circles():
    storage = torch_pickle.Storage('0', np.dtype(np.float32), 4)
    tensor = torch_pickle.Tensor(storage, 0, (4,), (1,))
    circle = [tensor, {'deep': (storage, [tensor])}]
    circle.append(circle)
    assert set(torch_pickle.storages(circle)) == {storage}


def test_memory_file_reads_what_is_there():
    file = torch_pickle.MemoryFile(memoryview(b'one\ntwo'))
    assert (file.readline(), file.readline(), file.readline()) == (b'one\n', b'two', b'')
    assert file.seek(-3, 2) == 4
    assert (file.read(2), file.tell(), file.read(1 << 60), file.read()) == (b'tw', 6, b'o', b'')
