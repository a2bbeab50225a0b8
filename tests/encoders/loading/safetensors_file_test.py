import json
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import safetensors_file


def tensors():
    r = np.random.RandomState(0)
    return {
        'f32': r.standard_normal((3, 5)).astype(np.float32),
        'f64': r.standard_normal(2),
        'f16': r.standard_normal(4).astype(np.float16),
        'bf16': r.standard_normal(6).astype(ml_dtypes.bfloat16),
        'i64': np.asarray([2**40, -7]),
        'u8': np.asarray([0, 255], np.uint8),
        'flags': np.asarray([True, False, True]),
        'scalar': np.asarray(3.5, np.float32),
        'empty': np.zeros((0, 3), np.float32),
    }


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / 'model.safetensors'
    save_file(tensors(), path, metadata={'format': 'pt'})
    return path


def written(path, header, data=b''):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)
    return path


def test_every_dtype(saved):
    found = safetensors_file.read(saved)
    assert set(found) == set(tensors())
    for name, array in tensors().items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert not found[name].flags.writeable


def test_torch_writes_the_same(tmp_path):
    torch = pytest.importorskip('torch')
    from safetensors.torch import save_file as save_torch

    value = torch.arange(6).reshape(2, 3).bfloat16()
    save_torch({'w': value}, tmp_path / 'm.safetensors')
    found = safetensors_file.read(tmp_path / 'm.safetensors')['w']
    np.testing.assert_array_equal(found.astype(np.float32), value.float().numpy())


def test_fixture_agrees_with_the_reference_reader(shared):
    from safetensors.numpy import load_file

    path = shared / 'fixtures' / 'musicfm_tiny_msd' / 'params.safetensors'
    ours, theirs = safetensors_file.read(path), load_file(path)
    assert set(ours) == set(theirs)
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


def test_is_safetensors(saved, tmp_path):
    assert safetensors_file.is_safetensors(saved)
    for data in (b'', b'short', b'PK\x03\x04' + bytes(60), b'{"a": 1}' * 9):
        (tmp_path / 'other').write_bytes(data)
        assert not safetensors_file.is_safetensors(tmp_path / 'other')


@pytest.mark.parametrize('kept', [0, 5, 8, 60, 0.5, 0.999])
def test_truncated(saved, tmp_path, kept):
    data = saved.read_bytes()
    cut = tmp_path / 'cut.safetensors'
    cut.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(WeightsError, match='not a whole safetensors file.*fetch it again'):
        safetensors_file.read(cut)


def test_bytes_too_many(saved):
    saved.write_bytes(saved.read_bytes() + b'x')
    with pytest.raises(WeightsError, match='the file has'):
        safetensors_file.read(saved)


ENTRY = {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}


@pytest.mark.parametrize(
    ('header', 'message'),
    [
        (b'{"w": ', 'not JSON'),
        (b'{' * 100_000, 'not JSON'),
        (b'[1]', 'not a JSON object'),
        ({'w': 3}, "'w' is described by 3"),
        ({'w': ENTRY | {'shape': [3]}}, 'bytes 0 to 8 of 8'),
        ({'w': ENTRY | {'data_offsets': [0, 80]}}, 'bytes 0 to 80 of 8'),
        ({'w': ENTRY | {'data_offsets': [-8, 0]}}, 'described by'),
        ({'w': ENTRY | {'data_offsets': [0, 8, 9]}}, 'described by'),
        ({'w': ENTRY | {'shape': [True, 2]}}, 'described by'),
        ({'w': ENTRY | {'dtype': 'F4'}}, "unsupported dtype 'F4'"),
        ({'w': ENTRY | {'dtype': ['F32']}}, 'unsupported|described'),
        ({'w': ENTRY, 'x': ENTRY}, "'x' overlaps the tensor before it"),
        ({'w': ENTRY | {'shape': [1], 'data_offsets': [4, 8]}}, "'w' begins after a gap"),
        ({'w': ENTRY | {'shape': [1] * 99 + [2]}}, 'described by'),
        ({'w': ENTRY | {'shape': [1 << 62] * 99999}}, 'described by'),
        ({'w': ENTRY | {'shape': [1 << 62, 4, 0], 'data_offsets': [0, 0]}}, 'has the shape'),
        (b'{"w": {}, "w": {}}', 'says a name twice'),
        (b'{"\\ud800": {}}', 'not JSON'),
    ],
)
def test_headers_that_contradict_the_file(tmp_path, header, message):
    path = written(tmp_path / 'm.safetensors', header, bytes(8))
    with pytest.raises(WeightsError, match=message):
        safetensors_file.read(path)


def test_any_flipped_bit_of_the_header_is_an_error_or_another_name(saved, tmp_path):
    data = saved.read_bytes()
    (length,) = struct.unpack('<Q', data[:8])
    generator = np.random.RandomState(0)
    for position in generator.randint(0, 8 + length, 200):
        flipped = bytearray(data)
        flipped[position] ^= 1 << generator.randint(8)
        (tmp_path / 'flipped').write_bytes(flipped)
        try:
            found = safetensors_file.read(tmp_path / 'flipped')
        except WeightsError:
            continue
        assert sum(a.nbytes for a in found.values()) <= len(data)
