"""MULE's two published forms, written for a model of any size with drawn weights."""

import numpy as np

from jaxprobe.encoders.loading import h5_file
from jaxprobe.encoders.mule import architecture as arch
from jaxprobe.encoders.mule import weights
from tests.encoders.loading import keras_writer, tf_writer


def drawn(a, seed=0):
    """part -> the authors' tensors: (v, gain, bias), (kernel, bias) or (scalar,)."""
    state, parts = np.random.RandomState(seed), {}
    for part, shape in arch.convolutions(a).items():
        v = 0.3 + state.standard_normal(shape)
        parts[part] = (v, state.uniform(0.5, 1.5, shape[-1]), state.standard_normal(shape[-1]))
    for part, shape in arch.dense(a).items():
        parts[part] = (state.standard_normal(shape), state.standard_normal(shape[-1]))
    for part in arch.scalars(a):
        parts[part] = (np.asarray(state.uniform(0.5, 1.0)),)
    return {p: tuple(np.asarray(t, np.float32) for t in ts) for p, ts in parts.items()}


def expected(parts):
    """Our tensors of what `drawn` made."""
    found = {}
    for part, tensors in parts.items():
        if len(tensors) == 3:
            found[f'{part}/kernel'] = weights.standardised(*tensors[:2])
            found[f'{part}/bias'] = tensors[2]
        elif len(tensors) == 2:
            found[f'{part}/kernel'], found[f'{part}/bias'] = tensors
        else:
            found[f'{part}/scale'] = tensors[0]
    return found


def config(a, start=0):
    """`config.json`'s layers in the graph's order, and the part of each; constants among them.

    Per block three scalars are constructed: the input's beta, the learned gain, alpha. `start` is
    where the session's counters stood.
    """

    def named(snake, number):
        return f'{snake}_{number + start}' if number + start else snake

    scalar = {p: 3 * n + 1 for n, p in enumerate(arch.scalars(a))}
    numbers = {p: ('weight_standardization', n) for n, p in enumerate(arch.convolutions(a))}
    numbers |= {p: ('dense', n) for n, p in enumerate(arch.dense(a))}
    numbers |= {p: ('scalar_multiply', n) for p, n in scalar.items()}
    classes = {'weight_standardization': 'WeightStandardization', 'dense': 'Dense'}
    classes['scalar_multiply'] = 'ScalarMultiply'
    layers, parts = [{'class_name': 'InputLayer', 'name': 'input_1', 'config': {}}], {}
    for part in arch.graph_order(a):
        snake, number = numbers[part]
        name = named(snake, number)
        parts[name] = part
        one = {'class_name': classes[snake], 'name': name, 'config': {'name': name}}
        if part in scalar:
            _, stage, block, _ = part.split('.')
            for offset, value in ((-1, arch.beta(int(stage), int(block))), (1, 0.2)):
                other = named(snake, number + offset)
                entry = {'name': other, 'scalar': value, 'learnable': False}
                layers.append({'class_name': 'ScalarMultiply', 'name': other, 'config': entry})
        layers.append(one)
    return layers, parts


def write_archive(path, a, parts, start=0, change=None):
    """Writes a `.keras` file; `change(layers, tensors)` spoils it first."""
    layers, names = config(a, start)
    paths, tensors = h5_file.paths(layers), {}
    for name, part in names.items():
        where = paths[name]
        if len(parts[part]) == 3:
            keys = ('vars/0', 'vars/1', 'layer/vars/0')
        else:
            keys = ('vars/0', 'vars/1')[: len(parts[part])]
        tensors |= {f'{where}/{k}': t for k, t in zip(keys, parts[part], strict=True)}
    if change:
        change(layers, tensors)
    keras_writer.write_archive(path, layers, tensors)


def write_saved_model(folder, a, parts, change=None):
    """Writes the variables of a SavedModel; `change(tensors)` spoils them first."""
    tensors, flat = {}, 0
    for number, part in enumerate(arch.graph_order(a)):
        layer, own = f'layer_with_weights-{number}', parts[part]
        if len(own) == 3:
            names = (f'{layer}/v', f'{layer}/gain', f'variables/{flat + 2}')
        elif len(own) == 2:
            names = (f'{layer}/kernel', f'{layer}/bias')
        else:
            names = (f'{layer}/Variable',)
        tensors |= {f'{n}/.ATTRIBUTES/VARIABLE_VALUE': t for n, t in zip(names, own, strict=True)}
        flat += len(own)
    if change:
        change(tensors)
    (folder / 'variables').mkdir(parents=True)
    (folder / 'saved_model.pb').write_bytes(b'')
    tf_writer.write(folder / 'variables' / 'variables', tensors)
