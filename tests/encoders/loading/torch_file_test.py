import collections
import io
import pickle
import sys
import tracemalloc
import warnings
import zipfile

import ml_dtypes
import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import torch_file

torch = pytest.importorskip('torch')


def tensors():
    """Every kind of tensor a checkpoint may hold."""
    r = torch.Generator().manual_seed(0)
    base = torch.randn(6, 4, generator=r)
    return collections.OrderedDict(
        f32=torch.randn(3, 5, generator=r),
        f16=torch.randn(4, generator=r).half(),
        bf16=torch.randn(6, generator=r).bfloat16(),
        i64=torch.tensor([2**40, -7]),
        u8=torch.tensor([0, 255], dtype=torch.uint8),
        flags=torch.tensor([True, False]),
        scalar=torch.tensor(3.5),
        empty=torch.zeros(0, 3),
        transposed=base.T,  # Strides, and the storage of the next two.
        sliced=base[1:4:2, 1:],
        whole=base,
        expanded=torch.tensor([[1.0], [2.0]]).expand(2, 3),
        parameter=torch.nn.Parameter(torch.ones(2, 2)),
    )


def as_numpy(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.float().detach().numpy().astype(ml_dtypes.bfloat16)
    return tensor.detach().numpy()


@pytest.fixture(params=['zip', 'legacy'])
def saved(request, tmp_path):
    path = tmp_path / 'model.pt'
    torch.save(tensors(), path, _use_new_zipfile_serialization=request.param == 'zip')
    return path


def test_every_kind_of_tensor(saved):
    found, expected = torch_file.read(saved), tensors()
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        array = as_numpy(tensor)
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_tensors_are_read_only_views(saved):
    whole = torch_file.read(saved)['whole']
    with pytest.raises(ValueError, match='read-only'):
        whole[0, 0] = 1


@pytest.mark.parametrize('nest', [('state_dict',), ('model',), ('state_dict', 'model')])
def test_state_dict_is_found_below(tmp_path, nest):
    held = {'weight': torch.ones(2)}
    for key in reversed(nest):
        held = {'epoch': 3, 'history': [1.0, 2.0], key: held}
    torch.save(held, tmp_path / 'm.pt')
    np.testing.assert_array_equal(torch_file.read(tmp_path / 'm.pt')['weight'], [1, 1])


def test_module_metadata(tmp_path):
    """A module's own state dict is an ordered dict with an attribute."""
    layer = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    torch.save(layer.state_dict(), tmp_path / 'm.pt')
    assert list(torch_file.read(tmp_path / 'm.pt')) == list(layer.state_dict())


@pytest.mark.parametrize(
    ('fixture', 'expected'), [('edge.pt', 'edge_expected'), ('edge_legacy.pt', 'edge_expected')]
)
def test_fixture(shared, fixture, expected):
    folder = shared / 'fixtures' / 'torch_pt_loader'
    found = torch_file.read(folder / fixture)
    with np.load(folder / f'{expected}.npz') as reference:
        assert set(found) == set(reference.files)
        for name in reference.files:
            ours = found[name]
            ours = ours.astype(np.float32) if ours.dtype == ml_dtypes.bfloat16 else ours
            np.testing.assert_array_equal(ours, reference[name], err_msg=name)


def test_published_layout(shared):
    """A training framework's checkpoint: a state dict among counters."""
    found = torch_file.read(shared / 'fixtures' / 'torch_pt_loader' / 'musicfm_style.pt')
    assert found['model.conv.linear.weight'].shape == (32, 256)
    assert found['model.conv.conv.0.bn1.num_batches_tracked'].dtype == np.float32


def test_unsafe_pickle_is_refused_by_name(shared):
    path = shared / 'fixtures' / 'torch_pt_loader' / 'unsafe_global.pt'
    with pytest.raises(WeightsError, match=r'asks to import posix\.getcwd.*can run any code'):
        torch_file.read(path)


class Evil:
    """Unpickled by the standard library, it would set a flag in `sys`."""

    def __reduce__(self):
        return exec, ('import sys; sys.jaxprobe_was_fooled = True',)


@pytest.mark.parametrize('protocol', [2, 4])  # 4 names globals on the stack.
@pytest.mark.parametrize('new', [True, False])
def test_nothing_of_theirs_runs(tmp_path, protocol, new):
    path = tmp_path / 'evil.pt'
    held = {'weight': torch.ones(2), 'extra': Evil()}
    torch.save(held, path, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=r'builtins__?\.exec|__builtin__\.exec|builtins\.exec'):
        torch_file.read(path)
    assert not hasattr(sys, 'jaxprobe_was_fooled')


def test_whole_models_are_refused_with_advice(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / 'm.pt')
    with pytest.raises(WeightsError, match=r'torch\.nn\.modules\.linear\.Linear.*state_dict\(\)'):
        torch_file.read(tmp_path / 'm.pt')


def test_no_state_dict(tmp_path):
    torch.save({'epoch': 1, 'notes': 'none'}, tmp_path / 'm.pt')
    with pytest.raises(WeightsError, match='holds no state dict.*epoch, notes'):
        torch_file.read(tmp_path / 'm.pt')


@pytest.mark.parametrize('kept', [0.0, 0.02, 0.3, 0.9, 0.999])
def test_truncated(saved, tmp_path, kept):
    data = saved.read_bytes()
    (tmp_path / 'cut.pt').write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(WeightsError, match='not a whole torch checkpoint.*fetch it again'):
        torch_file.read(tmp_path / 'cut.pt')


@pytest.mark.parametrize(
    'data', [b'RIFF' + bytes(60), b'PK\x03\x04' + bytes(99), b'\x80\x02.', b'x']
)
def test_not_a_torch_file(tmp_path, data):
    (tmp_path / 'song.pt').write_bytes(data)
    with pytest.raises(WeightsError, match=r'song\.pt is not a whole torch checkpoint'):
        torch_file.read(tmp_path / 'song.pt')


def test_any_flipped_bit_is_an_error_or_harmless(saved, tmp_path):
    """Check sums guard the zip; a legacy file has none, so there only the structure is guarded."""
    data, whole = saved.read_bytes(), torch_file.read(saved)
    is_zip = zipfile.is_zipfile(saved)
    generator, refused = np.random.RandomState(0), 0
    for position in generator.randint(0, len(data), 120):
        flipped = bytearray(data)
        flipped[position] ^= 1 << generator.randint(8)
        (tmp_path / 'flipped.pt').write_bytes(flipped)
        try:
            found = torch_file.read(tmp_path / 'flipped.pt')
        except WeightsError:
            refused += 1
            continue
        if is_zip:
            for name, array in whole.items():
                np.testing.assert_array_equal(found[name], array)
    assert refused > 10


def rebuilt(size, stride, offset=0, elements=4):
    """A pickle of one tensor with the given geometry over a storage of four floats."""

    class Storage:
        pass

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), offset, size, stride, False, None)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return 'storage', torch.FloatStorage, '0', 'cpu', elements
            return None

    stream = io.BytesIO()
    Pickler(stream, 2).dump({'w': Tensor()})
    return stream.getvalue()


@pytest.mark.parametrize(
    ('size', 'stride', 'offset'),
    [
        ((5,), (1,), 0),  # One beyond the end.
        ((2,), (1,), 3),
        ((2, 2), (3, 1), 1),
        ((2,), (-1,), 1),
        ((-1,), (1,), 0),
        ((2,), (1, 1), 0),
        ((1 << 20, 1 << 20), (0, 0), 0),  # A terabyte, expanded from one number.
        (('2',), (1,), 0),
    ],
)
def test_geometry_beyond_the_storage(tmp_path, size, stride, offset):
    with zipfile.ZipFile(tmp_path / 'm.pt', 'w') as archive:
        archive.writestr('m/data.pkl', rebuilt(size, stride, offset))
        archive.writestr('m/data/0', np.arange(4, dtype=np.float32).tobytes())
    with pytest.raises(WeightsError, match='not a whole torch checkpoint'):
        torch_file.read(tmp_path / 'm.pt')


def test_storage_is_mapped_not_read(tmp_path):
    torch.save({'big': torch.zeros(4 << 20), 'small': torch.ones(1)}, tmp_path / 'm.pt')
    tracemalloc.start()
    try:
        found = torch_file.read(tmp_path / 'm.pt')
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert found['big'].nbytes == 16 << 20


def test_compressed_entries_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'm.pt', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('m/data.pkl', rebuilt((4,), (1,)))
        archive.writestr('m/data/0', bytes(16))
    with pytest.raises(WeightsError, match='compressed'):
        torch_file.read(tmp_path / 'm.pt')


def test_big_endian_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'm.pt', 'w') as archive:
        archive.writestr('m/data.pkl', rebuilt((4,), (1,)))
        archive.writestr('m/byteorder', 'big')
        archive.writestr('m/data/0', bytes(16))
    with pytest.raises(WeightsError, match='little endian'):
        torch_file.read(tmp_path / 'm.pt')


def test_views_that_would_outgrow_the_file_when_copied(tmp_path):
    one = torch.zeros(1)
    torch.save({f'v{k}': one.expand(2000) for k in range(200)}, tmp_path / 'm.pt')
    with pytest.raises(WeightsError, match='tensors of 1600000 bytes in a file of'):
        torch_file.read(tmp_path / 'm.pt')


@pytest.mark.parametrize(
    ('member', 'seen'), [('m/data/0', 'holds a name twice'), ('m/byteorder', 'is compressed')]
)
def test_zips_that_hold_more_than_they_should(tmp_path, member, seen):
    method = zipfile.ZIP_DEFLATED if 'order' in member else zipfile.ZIP_STORED
    with zipfile.ZipFile(tmp_path / 'm.pt', 'w') as archive:
        archive.writestr('m/data.pkl', rebuilt((4,), (1,)))
        archive.writestr('m/data/0', bytes(16))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            archive.writestr(member, b'little' + bytes(9), method)
    with pytest.raises(WeightsError, match=seen):
        torch_file.read(tmp_path / 'm.pt')
