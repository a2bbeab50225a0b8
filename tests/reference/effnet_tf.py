"""Freezes a seeded Keras EfficientNet with TensorFlow itself, and saves what TensorFlow computes.

Not a test: it needs TensorFlow (an environment of its own: `pip install tensorflow-cpu`).

    python tests/reference/effnet_tf.py tests/golden                 # effnet_tiny.pb.gz and .npz
    python tests/reference/effnet_tf.py /tmp/effnet --full           # B0, 1 channel, 128 x 96
    JAXPROBE_EFFNET=/tmp/effnet pytest tests/parity/effnet_discogs_test.py -s

`NAME.pb` has the published form (serving_default_melspectrogram -> PartitionedCall:{0,1}, a
function library, the batch of 64 baked in); with --full `NAME_inlined.pb` is the other one,
with every function inlined. Both hold the sigmoid predictions first, then the embedding.
"""

import argparse
import gzip
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.src.applications.efficientnet import EfficientNet
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

BATCH, FRAMES, BANDS, KEPT = 64, 128, 96, 3
STAGE_ENDS = {'': '1a 2b 3b 4c 5c 6d 7a', 'tiny': '1a 2a 3a 4b 5b 6b 7a'}


def network(size):
    """B0 over [B 128 96], or a sixteenth of its width and half of its depth."""
    mel = keras.Input(batch_shape=(BATCH, FRAMES, BANDS), name='melspectrogram')
    x = keras.layers.Reshape((FRAMES, BANDS, 1))(mel)
    wide, deep = (1.0, 1.0) if size == '' else (1 / 16, 0.5)
    net = EfficientNet(
        wide,
        deep,
        224,
        depth_divisor=8 if size == '' else 1,
        include_top=False,
        weights=None,
        input_tensor=x,
        weights_name='',
    )
    embedding = keras.layers.GlobalAveragePooling2D(name='embedding')(net.output)
    outputs = keras.layers.Dense(400 if size == '' else 7, 'sigmoid', name='styles')(embedding)
    blocks = [find_block(net, stage) for stage in STAGE_ENDS[size].split()]
    return keras.Model(mel, [outputs, embedding]), keras.Model(mel, [*blocks, net.output])


def find_block(net, stage):
    """The output of a block: its sum where it has one, else its last normalisation."""
    names = {layer.name for layer in net.layers}
    last = f'block{stage}_add' if f'block{stage}_add' in names else f'block{stage}_project_bn'
    return net.get_layer(last).output


def seed(model):
    """Weights whose every normalisation matters, and whose activations stay near one."""
    state = np.random.RandomState(11)
    for weight in model.weights:
        shape, name = tuple(weight.shape), weight.path.split('/')[-1]
        if name in ('kernel', 'depthwise_kernel'):
            fan_in = np.prod(shape[:-1]) if name == 'kernel' else np.prod(shape[:2])
            value = state.standard_normal(shape) * np.sqrt(1.6 / fan_in)
        elif name in ('gamma', 'moving_variance', 'variance'):
            value = state.uniform(0.5, 1.5, shape)
        elif name == 'count':
            continue
        else:
            value = state.standard_normal(shape) * 0.2
        weight.assign(value.astype(np.float32))


def frozen(model):
    """The model as a graph of constants, every function inlined."""
    mel = tf.TensorSpec((BATCH, FRAMES, BANDS), tf.float32, name='melspectrogram')
    concrete = tf.function(lambda melspectrogram: model(melspectrogram, training=False))
    return convert_variables_to_constants_v2(concrete.get_concrete_function(mel))


def wrapped(function, folder):
    """The same behind one call of a stateless function, as a SavedModel's signature has it."""
    graph = function.graph.as_graph_def()
    names = [tensor.name for tensor in function.outputs]
    feed = function.inputs[0].name
    inner = tf.compat.v1.wrap_function(
        lambda: tf.compat.v1.import_graph_def(graph, name=''), []
    ).prune(feed, names)
    module = tf.Module()
    module.serve = tf.function(
        lambda melspectrogram: dict(
            zip(('activations', 'embeddings'), inner(melspectrogram), strict=True)
        ),
        input_signature=[tf.TensorSpec((BATCH, FRAMES, BANDS), tf.float32, name='melspectrogram')],
    )
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=module.serve, options=options)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ['serve'], str(folder))
        outputs = meta.signature_def['serving_default'].outputs
        wanted = sorted({tensor.name.split(':')[0] for tensor in outputs.values()})
        print('signature', {name: tensor.name for name, tensor in outputs.items()})
        return tf.compat.v1.graph_util.extract_sub_graph(session.graph.as_graph_def(), wanted)


def keep(path, graph, plain):
    """Writes a graph, packed where it goes into the repository: two thirds of it are names."""
    data = graph.SerializeToString()
    if plain:
        path.write_bytes(data)
    else:
        path.with_suffix('.pb.gz').write_bytes(gzip.compress(data, 9, mtime=0))


def main():
    """Writes the graphs and the reference."""
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path)
    parser.add_argument('--full', action='store_true')
    asked = parser.parse_args()
    size, name = ('', 'effnet_b0') if asked.full else ('tiny', 'effnet_tiny')
    model, blocks = network(size)
    seed(model)
    mel = np.random.RandomState(5).uniform(0, 4, (BATCH, FRAMES, BANDS)).astype(np.float32)
    function = frozen(model)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        graph = wrapped(function, Path(scratch) / 'saved_model')
    keep(asked.folder / f'{name}.pb', graph, asked.full)
    if asked.full:
        keep(asked.folder / f'{name}_inlined.pb', function.graph.as_graph_def(), True)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.import_graph_def(graph, name='')
        predictions, embedding = session.run(
            ['PartitionedCall:0', 'PartitionedCall:1'], {'serving_default_melspectrogram:0': mel}
        )
    maps = {
        stage: np.asarray(found).mean(axis=2)[:KEPT]
        for stage, found in zip(
            [*STAGE_ENDS[size].split(), 'top'], blocks(mel, training=False), strict=True
        )
    }
    np.savez_compressed(
        asked.folder / f'{name}.npz',
        embedding=embedding[:KEPT],
        predictions=predictions[:KEPT],
        **maps,
    )
    print(
        f'TensorFlow {tf.__version__}, keras {keras.__version__}: {model.count_params():,} values'
    )
    for path in sorted(asked.folder.glob(f'{name}*')):
        print(path, path.stat().st_size)


if __name__ == '__main__':
    main()
