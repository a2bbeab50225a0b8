"""Writes Keras files the plain way: what the reader is tested against.

The layouts are those of files that Keras 2.15 wrote (see h5_file_test.py): the root's and the
groups' attributes, one group per layer that repeats the layer's name inside, empty groups for
layers without weights.
"""

import gzip
import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np


def write_layers(path, layers, *, whole_model=False, cut_names=0):
    """Writes a legacy file.

    Args:
        path: ends in .gz for a gzipped one.
        layers: (layer name, {short name: array}) in the model's order.
        whole_model: as `model.save` does, below `model_weights`.
        cut_names: above 0, the list of layers is cut into attributes of that many names.
    """
    memory = io.BytesIO()
    with h5py.File(memory, 'w') as file:
        root = file.create_group('model_weights') if whole_model else file
        root.attrs['backend'] = 'tensorflow'
        root.attrs['keras_version'] = '2.15.0'
        names = np.array([name.encode() for name, _ in layers])
        if cut_names:
            for part in range(-(-len(names) // cut_names)):
                cut = names[part * cut_names : (part + 1) * cut_names]
                root.attrs[f'layer_names{part}'] = cut
        else:
            root.attrs['layer_names'] = names
        root.create_group('top_level_model_weights').attrs['weight_names'] = np.zeros(0)
        for name, tensors in layers:
            group = root.create_group(name)
            weights = [f'{name}/{leaf}:0'.encode() for leaf in tensors]
            group.attrs['weight_names'] = np.array(weights) if weights else np.zeros(0)
            for leaf, array in tensors.items():
                group.create_dataset(f'{name}/{leaf}:0', data=array)
    data = memory.getvalue()
    Path(path).write_bytes(gzip.compress(data, 1) if str(path).endswith('.gz') else data)


def write_archive(path, layers, tensors):
    """Writes a `.keras` archive.

    Args:
        path: the file.
        layers: entries of `config.json`.
        tensors: path within `model.weights.h5` -> array.
    """
    memory = io.BytesIO()
    with h5py.File(memory, 'w') as file:
        file.create_group('vars')
        for name, array in tensors.items():
            file.create_dataset(name, data=array)
    config = {'module': 'keras.src.engine.functional', 'class_name': 'Functional'}
    config['config'] = {'name': 'model', 'trainable': True, 'layers': layers}
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('metadata.json', json.dumps({'keras_version': '2.15.0'}))
        archive.writestr('config.json', json.dumps(config))
        archive.writestr('model.weights.h5', memory.getvalue())
