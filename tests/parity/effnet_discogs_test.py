"""The graph interpreter against TensorFlow and torch; -s prints the errors measured.

`tests/golden/effnet_tiny.pb.gz` is a graph that TensorFlow itself froze, in the published form,
with what TensorFlow computed from it (`tests/reference/effnet_tf.py` makes both). The same
script freezes the full EfficientNet-B0 in two forms, and `effnet_onnx_tf.py` in a third one;
$JAXPROBE_EFFNET names their folder. No published file was at hand.
"""

import gzip
import os
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.effnet_discogs import architecture, build
from jaxprobe.encoders.loading import frozen_graph

torch = pytest.importorskip('torch')

from tests.encoders.effnet_discogs import torch_effnet  # noqa: E402

GOLDEN = Path(__file__).resolve().parents[1] / 'golden'
RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.
FLOAT32 = precision('float32')


def patches(rows):
    """The input of `tests/reference/effnet_tf.py`."""
    mel = np.random.RandomState(5).uniform(0, 4, (64, 128, 96))
    return mel.astype(np.float32)[:rows]


def close(name, ours, theirs):
    ours = np.asarray(ours).reshape(theirs.shape)
    scale = np.abs(theirs).max()
    print(f'{name:36s} {np.abs(ours - theirs).max() / scale:.1e} of max {scale:.2g}')
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * scale, err_msg=name)


def compare(label, path, reference, sizes):
    """Every probe point of a graph, for fewer rows than it was frozen for."""
    weights, network = build.opened(frozen_graph.read(path), sizes, FLOAT32, str(path))
    assert network.__name__ == 'network'  # The frozen batch is replaced, not filled up.
    with np.load(reference) as theirs:
        layers = jax.jit(network)(weights, patches(len(theirs['embedding'])))
        stages = [name.removeprefix('block') for name in sizes.names]
        names = [*stages, 'top', 'embedding', 'predictions']
        for name, ours in zip(names, layers, strict=True):
            close(f'{label} {name}', ours, theirs[name])


@pytest.fixture
def golden(tmp_path):
    path = tmp_path / 'effnet_tiny.pb'
    path.write_bytes(gzip.decompress((GOLDEN / 'effnet_tiny.pb.gz').read_bytes()))
    return path


def test_a_graph_that_tensorflow_froze(golden):
    sizes = architecture.resolve('tiny', 400)
    compare('TensorFlow', golden, GOLDEN / 'effnet_tiny.npz', sizes)


def test_every_layer_of_a_built_graph_against_torch():
    """Asymmetric padding, epsilon 1e-3, swish and gates, by torch's own operations."""
    sizes = architecture.resolve('tiny', 400)
    graph = architecture.graph(sizes, 64, 0, 'x')
    constants = torch_effnet.stirred(frozen_graph.constants(graph))
    (function,) = graph.functions.values()
    for name, node in function.nodes.items():
        if node.op == 'Const':
            node.attrs['value'] = constants[f'{function.name}/{name}']
    weights, network = build.opened(graph, sizes, FLOAT32, 'built')
    layers = jax.jit(network)(weights, patches(3))
    with torch.no_grad():
        net = torch_effnet.EffNet(sizes, constants).eval()
        predictions, embedding, maps = net(torch.tensor(patches(3)))
    theirs = [m.mean(dim=3).transpose(1, 2) for m in maps]
    names = [*sizes.names, 'top', 'embedding', 'predictions']
    for name, ours, other in zip(names, layers, [*theirs, embedding, predictions], strict=True):
        close(f'torch {name}', ours, other.numpy())


@pytest.mark.slow
@pytest.mark.parametrize(
    ('form', 'reference', 'script'),
    [
        ('effnet_b0', 'effnet_b0', 'effnet_tf.py --full'),
        ('effnet_b0_inlined', 'effnet_b0', 'effnet_tf.py --full'),
        ('effnet_onnx', 'effnet_onnx', 'effnet_onnx_tf.py'),
    ],
)
def test_the_full_network_as_tools_export_it(form, reference, script):
    folder = Path(os.environ.get('JAXPROBE_EFFNET', '/nowhere'))
    if not (folder / f'{form}.pb').is_file():
        pytest.skip(f'JAXPROBE_EFFNET names no folder that tests/reference/{script} filled')
    sizes = architecture.resolve('', 400)
    compare(form, folder / f'{form}.pb', folder / f'{reference}.npz', sizes)
