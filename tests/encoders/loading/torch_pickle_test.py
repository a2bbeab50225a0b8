import argparse
import collections
import enum
import pathlib
import pickle
import struct
import sys
import tracemalloc
import types

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


def beside(monkeypatch):
    """Classes whose objects pickle as Lightning's do."""
    module = types.ModuleType('pytorch_lightning.parsing')
    for name, base in (('Checkpoint', object), ('AttributeDict', dict), ('Stage', enum.Enum)):
        made = type(name, (base,), {}) if base is not enum.Enum else enum.Enum(name, ['FIT'])
        made.__module__, made.__qualname__ = module.__name__, name
        setattr(module, name, made)
    monkeypatch.setitem(sys.modules, 'pytorch_lightning', types.ModuleType('pytorch_lightning'))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize('protocol', [2, 4])
def test_what_training_frameworks_keep_beside_becomes_nothing(monkeypatch, protocol):
    lightning = beside(monkeypatch)
    namespace = argparse.Namespace(gpus=1, where=pathlib.PurePosixPath('/x'))
    held = {
        'callbacks': {lightning.Checkpoint: {'best': np.float64(0.5)}},
        'hyper_parameters': lightning.AttributeDict(args=namespace, array=np.arange(3)),
        'stage': {lightning.Stage.FIT: 1},
        'state_dict': {'weight': 1},
    }
    data = pickle.dumps(held, protocol)
    monkeypatch.undo()  # Reading needs none of it.
    found, _ = unpickle(data)
    assert found['state_dict'] == {'weight': 1}
    assert list(found['callbacks']) == [torch_pickle.Bystander]
    assert isinstance(found['hyper_parameters'], torch_pickle.Bystander)
    assert 'args' in found['hyper_parameters']
    assert [type(key) for key in found['stage']] == [torch_pickle.Bystander]


def test_storages_are_found_within_what_is_beside():
    storage = torch_pickle.Storage('0', np.dtype(np.float32), 4)
    made = torch_pickle.Bystander(torch_pickle.Tensor(storage, 0, (4,), (1,)))
    outer = torch_pickle.Bystander()
    outer.extend(('score', made))
    assert torch_pickle.storages({'callbacks': outer}) == [storage]


@pytest.mark.parametrize('name', ['os.system', 'argparse.ArgumentParser', 'lightningx.Run'])
def test_what_is_beside_is_a_short_list(name):
    module, _, name = name.rpartition('.')
    with pytest.raises(WeightsError, match=f'{module}.{name}'):
        unpickle(f'c{module}\n{name}\n.'.encode())


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


def doubled(levels):
    """Operations of a tuple of itself, twice, level by level: it prints and hashes for ever."""
    steps = (b'0' + bytes([ord('h'), k]) * 2 + b'\x86' + bytes([ord('q'), k + 1]) for k in levels)
    return b')q\x00' + b''.join(steps)


WIDE = b'(' + b'N' * 500 + b'tq\xfa0'
PAIRS = b'](' + b'K\x01N\x86' * 500 + b'eq\xfa0'
HOSTILE = {
    'a key that hashes for ever': b'}' + doubled(range(60)) + b'Ns.',
    'keys that collide': b'}\x8a\x09' + (1 << 63).to_bytes(9, 'little') + b'Ns.',
    'a list copied over and over': PAIRS + b'(' + b'ccollections\nOrderedDict\nh\xfa\x85R' * 99,
    'an object made of too much': WIDE + b'cargparse\nNamespace\nh\xfaR.',
    'a storage that is a long tuple': WIDE + b'h\xfaQ.',
    'axes of a text': b'ctorch\nSize\nX\x02\x00\x00\x00ab\x85R.',
    'a call of what is no function': b'ctorch\nFloatStorage\n)R.',
    'a state for a function': b'ctorch._utils\n_rebuild_tensor_v2\n(N}tb.',
    'an extension': b'\x82\x01.',
    'nothing at all': b'.',
    'two objects': b'NN.',
}


@pytest.mark.parametrize('data', HOSTILE.values(), ids=HOSTILE.keys())
def test_what_plain_containers_could_do_is_refused(data):
    with pytest.raises((ValueError, LookupError, TypeError)):
        unpickle(b'\x80\x02' + data)


def test_stand_ins_stay_as_they_are():
    """BUILD would set a function's defaults, for this load and for all that follow."""
    build = b'(N}X\x0c\x00\x00\x00__defaults__(NtstbN.'
    before = torch_pickle._tensor.__defaults__
    with pytest.raises(ValueError, match='a state for function'):
        unpickle(b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n' + build)
    assert torch_pickle._tensor.__defaults__ == before


def test_what_python_2_wrote():
    with pytest.raises(ValueError, match='made of what is no list'):
        unpickle(b'\x80\x02ccollections\nOrderedDict\n}\x85R.')
    found, _ = unpickle(b'\x80\x02ccollections\nOrderedDict\n](U\x01aK\x01\x86e\x85R.')
    assert found == {'a': 1}


def test_sets_become_bystanders():
    found, _ = unpickle(pickle.dumps({'tags': {'a'}, 'frozen': frozenset('b')}, 4))
    assert [type(value) for value in found.values()] == [torch_pickle.Bystander] * 2
