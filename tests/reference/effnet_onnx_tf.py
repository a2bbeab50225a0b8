"""An EfficientNet that went the way of torch, ONNX and onnx-tf: another form of frozen graph.

Not a test. MTG exports other models so, and the published EffNet graphs show its traces (calls
that are stateless, normalisations folded by the exporter), so the interpreter has to run this
form too: maps turned between layouts, branches around paddings, nested calls. Two environments:

    PYTHONPATH=. python tests/reference/effnet_onnx_tf.py export DIR   # torch, onnx
    PYTHONPATH=. python tests/reference/effnet_onnx_tf.py freeze DIR   # tensorflow-cpu==2.15.1,
        # tensorflow-addons, tensorflow-probability<0.24, onnx==1.15.0, onnx-tf==1.10.0
    JAXPROBE_EFFNET=DIR pytest -m slow tests/parity/effnet_discogs_test.py -s
"""

import sys
from pathlib import Path

import numpy as np

NAME = 'effnet_onnx'


def export(folder):
    """The torch reference of the tests, B0 with seeded weights, as ONNX."""
    import torch

    from jaxprobe.encoders.effnet_discogs import architecture
    from jaxprobe.encoders.loading import frozen_graph
    from tests.encoders.effnet_discogs.torch_effnet import EffNet, stirred

    sizes = architecture.resolve('', 400)
    constants = frozen_graph.constants(architecture.graph(sizes, 64, 0, 'x'))
    net = EffNet(sizes, stirred(constants)).eval()
    torch.onnx.export(
        net,
        (torch.zeros(64, 128, 96),),
        str(folder / f'{NAME}.onnx'),
        input_names=['melspectrogram'],
        output_names=['activations', 'embeddings', *sizes.names, 'top'],
        opset_version=10,
        dynamo=False,
    )


def freeze(folder):
    """The two published outputs as a frozen graph, and what TensorFlow computes for all."""
    import onnx
    import tensorflow as tf
    from onnx_tf.backend import prepare

    v1 = tf.compat.v1
    prepare(onnx.load(folder / f'{NAME}.onnx')).export_graph(str(folder / NAME))
    mel = np.random.RandomState(5).uniform(0, 4, (64, 128, 96)).astype(np.float32)
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.load(session, ['serve'], str(folder / NAME))
        signature = meta.signature_def['serving_default']
        tensors = {name: tensor.name for name, tensor in signature.outputs.items()}
        values = session.run(tensors, {signature.inputs['melspectrogram'].name: mel})
        wanted = sorted({name.split(':')[0] for name in tensors.values()})
        graph = v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), wanted
        )
    (folder / f'{NAME}.pb').write_bytes(graph.SerializeToString())
    kept = {'embedding': values['embeddings'][:3], 'predictions': values['activations'][:3]}
    for name in set(values) - {'activations', 'embeddings'}:
        pooled = values[name][:3].mean(axis=3).swapaxes(1, 2)
        kept[name.removeprefix('block')] = pooled
    np.savez_compressed(folder / f'{NAME}.npz', **kept)
    print(f'TensorFlow {tf.__version__}, {len(graph.library.function)} functions', tensors)


if __name__ == '__main__':
    {'export': export, 'freeze': freeze}[sys.argv[1]](Path(sys.argv[2]))
