import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.neuralfp import model, weights

torch = pytest.importorskip('torch')

NAME = 'jaxprobe.encoders.neuralfp.card:NEURALFP'
MEL = -np.abs(np.random.RandomState(0).standard_normal((3, 256, 32))).astype(np.float32)


@pytest.fixture(scope='module')
def tensors():
    """Tiny weights whose norms and biases matter."""
    state, drawn = np.random.RandomState(1), weights.random(weights.TINY, 0)
    for name, tensor in drawn.items():
        if not name.endswith('kernel'):
            drawn[name] = (tensor + 0.3 * state.standard_normal(tensor.shape)).astype(np.float32)
    return drawn


def padded(x, kernel, strides):
    """Zeros as TensorFlow's SAME has them: the odd one last."""
    pads = []
    for axis in (1, 0):
        size, tap, stride = x.shape[2 + axis], kernel.shape[axis], strides[axis]
        total = max(0, (-(-size // stride) - 1) * stride + tap - size)
        pads += [total // 2, total - total // 2]
    return torch.nn.functional.pad(x, pads)


def in_torch(tensors, mel):
    """The network channels first, by torch's own operations."""
    functional = torch.nn.functional
    leaves = {name: torch.tensor(tensor) for name, tensor in tensors.items()}
    x, pooled = torch.tensor(mel)[:, None], []
    for index, stride in enumerate(weights.STRIDES, start=1):
        for axis, strides in (('time', (1, stride)), ('frequency', (2, 1))):
            own = {kind: leaves[f'block{index}/{axis}_{kind}'] for kind in ('kernel', 'bias')}
            kernel = own['kernel'].permute(3, 2, 0, 1)
            x = padded(x, own['kernel'], strides)
            x = functional.elu(functional.conv2d(x, kernel, own['bias'], strides))
            norm = [leaves[f'block{index}/{axis}_{k}'].permute(2, 0, 1) for k in ('scale', 'shift')]
            x = functional.layer_norm(x, norm[0].shape, *norm, eps=1e-3)
        pooled.append(x.mean((2, 3)))
    flat = x.permute(0, 2, 3, 1).flatten(1)
    found = []
    for q, part in enumerate(flat.split(flat.shape[1] // weights.TINY.slices, dim=1)):
        own = {k: leaves[f'heads/{k}'][q] for k in weights.HEAD_LEAVES}
        hidden = functional.elu(part @ own['hidden_kernel'] + own['hidden_bias'])
        found.append(hidden @ own['output_kernel'] + own['output_bias'])
    return [*pooled, flat, torch.cat(found, 1)]


def test_every_layer_equals_torch(tensors):
    ours = jax.jit(model.network)(model.make_params(tensors), jnp.asarray(MEL))
    for one, other in zip(ours, in_torch(tensors, MEL), strict=True):
        scale = np.abs(other.numpy()).max()
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-4, atol=1e-4 * scale)


def test_unit_is_torchs_normalize_and_leaves_zeros_alone():
    vectors = np.random.RandomState(4).standard_normal((2, 5)).astype(np.float32)
    theirs = torch.nn.functional.normalize(torch.tensor(vectors)).numpy()
    np.testing.assert_allclose(model.unit(jnp.asarray(vectors)), theirs, rtol=1e-6)
    assert not np.asarray(model.unit(jnp.zeros((1, 5)))).any()


def test_bfloat16_holds_kernels_and_returns_float32():
    encoder = base.load(NAME, weights='random', arch='tiny', dtype='bfloat16')
    assert encoder.params['block1']['time_kernel'].dtype == jnp.bfloat16
    assert encoder.params['block1']['time_scale'].dtype == jnp.float32
    assert encoder.params['heads']['hidden_kernel'].dtype == jnp.float32
    wave = jnp.asarray(np.random.RandomState(5).uniform(-1, 1, (9, 8000)), jnp.float32)
    found = jax.jit(encoder.encode)(encoder.params, wave)  # CPUs have no batched bfloat16 product.
    assert {str(layer.dtype) for layer in found} == {'float32'}
    assert all(np.isfinite(layer).all() for layer in found)


def test_the_card_is_of_what_was_built():
    encoder = base.load(NAME, weights='random', arch='tiny', seed=3)
    assert [layer.width for layer in encoder.card.layers] == [4, 4, 6, 6, 8, 8, 16, 16, 16, 4]
    assert encoder.card.title.endswith('tiny, RANDOM weights')
    assert encoder.card.weights.kind == 'none'
    assert encoder.weights_sha256 == 'random-3'


@pytest.mark.parametrize(
    ('options', 'seen'),
    [({'arch': 'tinny'}, "Did you mean 'tiny'"), ({'dtype': 'float16'}, 'float16')],
)
def test_settings_that_cannot_be(options, seen):
    with pytest.raises(ConfigError, match=seen):
        base.load(NAME, weights='random', **options)
