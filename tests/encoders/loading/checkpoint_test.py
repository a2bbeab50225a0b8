import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import checkpoint


def test_formats_are_told_by_their_bytes(tmp_path):
    """Names lie: a .bin may be anything."""
    torch = pytest.importorskip('torch')
    save_file({'w': np.ones(2, np.float32)}, tmp_path / 'a.bin')
    torch.save({'w': torch.ones(2)}, tmp_path / 'b.bin')
    torch.save({'w': torch.ones(2)}, tmp_path / 'c.bin', _use_new_zipfile_serialization=False)
    for name in 'abc':
        np.testing.assert_array_equal(checkpoint.read(tmp_path / f'{name}.bin')['w'], [1, 1])


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'is empty'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n', 'git lfs pull'),
        (b'\n<!DOCTYPE html><html>', 'is a web page'),
        (b'\x89HDF\r\n\x1a\n', 'HDF5'),
        (b'{"hidden_size": 1024}', 'encoder.arch'),
        (b'ID3 some song', 'not a whole torch checkpoint'),
    ],
)
def test_likely_slips_are_named(tmp_path, data, message):
    (tmp_path / 'model.pt').write_bytes(data)
    with pytest.raises(WeightsError, match=message):
        checkpoint.read(tmp_path / 'model.pt')


def test_a_safetensors_file_of_a_damaged_length_is_called_one(tmp_path):
    (tmp_path / 'm.safetensors').write_bytes((1 << 40).to_bytes(8, 'little') + b'{"a": 1}')
    with pytest.raises(WeightsError, match='header claims 1099511627776 bytes, the file has 16'):
        checkpoint.read(tmp_path / 'm.safetensors')
