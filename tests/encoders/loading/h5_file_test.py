"""Proved once on files that Keras 2.15.1 itself wrote (a legacy weights file, a saved model and a
`.keras` archive of the same layers); the writer beside this test repeats their layout.
"""

import gzip
import sys
import zipfile

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import h5_file
from tests.encoders.loading import keras_writer

STATE = np.random.RandomState(0)
# In this order, which is not the alphabet's.
LAYERS = [
    ('input_1', {}),
    ('conv2d_9', {'kernel': STATE.standard_normal((3, 3, 1, 2)), 'bias': np.zeros(2)}),
    ('batch_normalization', {'gamma': np.ones(2), 'beta': np.arange(2.0)}),
    ('activation', {}),
    ('conv2d_10', {'kernel': STATE.standard_normal((1, 1, 2, 2)), 'bias': np.ones(2)}),
]
CONFIG = [
    {'class_name': 'InputLayer', 'name': 'input_1', 'config': {}},
    {'class_name': 'ScalarMultiply', 'name': 'scalar_multiply_7', 'config': {}},
    {'class_name': 'ScalarMultiply', 'name': 'scalar_multiply', 'config': {}},
]


@pytest.mark.parametrize('name', ['weights.h5', 'weights.h5.gz', 'renamed.bin'])
@pytest.mark.parametrize('more', [{}, {'whole_model': True}, {'cut_names': 2}])
def test_layers_come_in_the_models_order(tmp_path, name, more):
    keras_writer.write_layers(tmp_path / name, LAYERS, **more)
    found = h5_file.read_layers(tmp_path / name)
    wanted = [(layer, tensors) for layer, tensors in LAYERS if tensors]
    assert [layer.name for layer in found] == [layer for layer, _ in wanted]
    for layer, (_, tensors) in zip(found, wanted, strict=True):
        assert list(layer.tensors) == list(tensors)
        for leaf, array in tensors.items():
            np.testing.assert_array_equal(layer.tensors[leaf], array)


def test_archive_gives_layers_and_tensors(tmp_path):
    tensors = {'layers/scalar_multiply_1/vars/0': np.float32(0.5), 'layers/x/vars/0': np.ones(3)}
    keras_writer.write_archive(tmp_path / 'm.keras', CONFIG, tensors)
    found = h5_file.read_archive(tmp_path / 'm.keras')
    assert found.layers == CONFIG
    assert found.tensors.keys() == tensors.keys()
    assert found.tensors['layers/scalar_multiply_1/vars/0'] == 0.5


def test_paths_count_classes_in_the_order_of_the_config_and_not_by_name():
    assert h5_file.paths(CONFIG) == {
        'input_1': 'layers/input_layer',
        'scalar_multiply_7': 'layers/scalar_multiply',
        'scalar_multiply': 'layers/scalar_multiply_1',
    }


@pytest.mark.parametrize(
    ('name', 'path'),
    [
        ('InputLayer', 'input_layer'),
        ('GlobalAveragePooling2D', 'global_average_pooling2d'),
        ('TFOpLambda', 'tf_op_lambda'),
        ('BatchNormalization', 'batch_normalization'),
    ],
)
def test_class_names_are_spelt_as_keras_does(name, path):
    assert h5_file.snake_case(name) == path


READERS = [h5_file.read_layers, h5_file.read_archive]


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize(
    ('data', 'seen'),
    [
        (b'', 'is empty'),
        (b'version https://git-lfs.github.com/spec/v1\n', 'Git LFS pointer'),
        (b'<!DOCTYPE html>', 'web page'),
        (b'{"a": 1}', 'is JSON'),
        (b'\x80\x02something of torch', 'of another encoder'),
    ],
)
def test_what_is_no_keras_file_is_named(tmp_path, read, data, seen):
    (tmp_path / 'f').write_bytes(data)
    with pytest.raises(WeightsError, match=seen):
        read(tmp_path / 'f')


@pytest.mark.parametrize('name', ['w.h5', 'w.h5.gz', 'w.keras'])
@pytest.mark.parametrize('kept', [0.3, 0.6, 0.97])
def test_a_file_cut_short_is_damaged(tmp_path, name, kept):
    path = tmp_path / name
    big = {'kernel': STATE.standard_normal((64, 64))}
    if name == 'w.keras':
        keras_writer.write_archive(path, CONFIG, {'layers/x/vars/0': big['kernel']})
        read = h5_file.read_archive
    else:
        keras_writer.write_layers(path, [('dense', big)])
        read = h5_file.read_layers
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(WeightsError, match='damaged'):
        read(path)


def test_a_file_without_keras_attributes_says_what_it_holds(tmp_path):
    import h5py

    with h5py.File(tmp_path / 'w.h5', 'w') as file:
        file.create_group('layers')
    with pytest.raises(WeightsError, match=r'without the attribute layer_names.*holds layers'):
        h5_file.read_layers(tmp_path / 'w.h5')


def test_nested_models_are_refused_rather_than_merged(tmp_path):
    nested = [('model_1', {'a/kernel': np.ones(1), 'b/kernel': np.ones(1)})]
    keras_writer.write_layers(tmp_path / 'w.h5', nested)
    with pytest.raises(WeightsError, match='nests layers'):
        h5_file.read_layers(tmp_path / 'w.h5')


def test_a_zip_that_is_no_archive_says_what_it_holds(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.keras', 'w') as archive:
        archive.writestr('data.pkl', b'')
    with pytest.raises(WeightsError, match=r'without config\.json and model.*holds data\.pkl'):
        h5_file.read_archive(tmp_path / 'x.keras')


def test_a_config_without_layers_is_refused(tmp_path):
    keras_writer.write_archive(tmp_path / 'x.keras', [], {})
    with pytest.raises(WeightsError, match='lists no layers'):
        h5_file.read_archive(tmp_path / 'x.keras')


def test_without_h5py_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    keras_writer.write_layers(tmp_path / 'w.h5', LAYERS)
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(WeightsError, match='pip install h5py'):
        h5_file.read_layers(tmp_path / 'w.h5')


def test_gzip_of_something_else_is_named(tmp_path):
    (tmp_path / 'w.h5.gz').write_bytes(gzip.compress(b'hello, I am a text'))
    with pytest.raises(WeightsError, match='not an HDF5 file'):
        h5_file.read_layers(tmp_path / 'w.h5.gz')


def leads_out(file, folder):
    import h5py

    with h5py.File(folder / 'other.h5', 'w') as other:
        other['x'] = np.ones(2)
    file['dense/w'] = h5py.ExternalLink(str(folder / 'other.h5'), 'x')


def lies_elsewhere(file, folder):
    (folder / 'secret').write_bytes(bytes(16))
    file.create_dataset('dense/w', (2,), 'f8', external=[(str(folder / 'secret'), 0, 16)])


def maps_elsewhere(file, folder):
    import h5py

    layout = h5py.VirtualLayout((2,), 'f8')
    layout[:] = h5py.VirtualSource(str(folder / 'other.h5'), 'x', (2,))
    file.create_virtual_dataset('dense/w', layout)


def points(file, folder):
    import h5py

    file.create_dataset('dense/w', data=np.array([file.ref], dtype=h5py.ref_dtype))


def is_packed(file, folder):
    file.create_dataset('dense/w', data=np.zeros(1 << 16), compression='gzip')


def was_never_written(file, folder):
    file.create_dataset('dense/w', (1 << 40,), 'f8', chunks=(1 << 20,))


def is_named_by_any_length(file, folder):
    import h5py

    file.attrs.create('layer_names', ['dense'], dtype=h5py.string_dtype())


def is_named_twice(file, folder):
    file.attrs['layer_names'] = np.array([b'dense'] * 2)


@pytest.mark.parametrize(
    ('change', 'seen'),
    [
        (leads_out, 'is a link'),
        (lies_elsewhere, 'lies in another'),
        (maps_elsewhere, 'lies in another'),
        (points, 'not plain numbers'),
        (is_packed, 'compressed by HDF5'),
        (was_never_written, 'has 0 bytes in the file'),
        (is_named_by_any_length, 'not names'),
        (is_named_twice, 'a name twice'),
    ],
)
@pytest.mark.parametrize('name', ['w.h5', 'w.keras'])
def test_what_hdf5_can_do_and_weights_do_not_need(tmp_path, change, seen, name):
    import h5py

    if name == 'w.keras' and change.__name__.startswith('is_named'):
        return  # An archive has no such list.
    with h5py.File(tmp_path / 'w.h5', 'w') as file:
        file.attrs['layer_names'] = np.array([b'dense'])
        file.create_group('dense').attrs['weight_names'] = np.array([b'w'])
        change(file, tmp_path)
    if name == 'w.keras':
        with zipfile.ZipFile(tmp_path / name, 'w') as archive:
            archive.writestr('config.json', '{"config": {"layers": []}}')
            archive.write(tmp_path / 'w.h5', 'model.weights.h5')
    read = h5_file.read_archive if name == 'w.keras' else h5_file.read_layers
    with pytest.raises(WeightsError, match=rf'{name}(.|\n)*{seen}'):
        read(tmp_path / name)
