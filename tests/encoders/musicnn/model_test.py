import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.musicnn import model, weights

SWV = np.lib.stride_tricks.sliding_window_view
PATCH = np.random.RandomState(0).uniform(0, 4, (2, 187, 96))


def noise(batch, samples):
    return jnp.float32(0.1 * np.random.RandomState(2).standard_normal((batch, samples)))


def drawn(arch):
    """Weights that hide nothing: scales of both signs, means and biases off zero."""
    state, tensors = np.random.RandomState(1), {}
    for name, shape in weights.template(arch).items():
        leaf = name.split('/')[1]
        if leaf == 'kernel':
            tensors[name] = state.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
        elif leaf == 'variance':
            tensors[name] = state.uniform(0.2, 2.0, shape)
        elif leaf == 'gamma':
            tensors[name] = state.uniform(0.2, 2.0, shape) * (-1.0) ** np.arange(*shape)
        else:
            tensors[name] = 0.7 * state.standard_normal(shape)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


class Plain:
    """The reference's graph word for word, in float64 numpy: a second way to the same numbers."""

    def __init__(self, tensors):
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def norm(self, block, x):
        gamma, beta, mean, variance = (
            self.tensors[f'{block}/{leaf}'] for leaf in ('gamma', 'beta', 'mean', 'variance')
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    def conv(self, block, x, pad):
        kernel = self.tensors[f'{block}/kernel']
        windows = SWV(np.pad(x, ((0, 0), *pad, (0, 0))), kernel.shape[:2], (1, 2))
        y = np.einsum('btfcij,ijco->btfo', windows, kernel, optimize=True)
        y = np.maximum(y + self.tensors[f'{block}/bias'], 0)
        return self.norm(block, y)

    def dense(self, block, x):
        return x @ self.tensors[f'{block}/kernel'] + self.tensors[f'{block}/bias']

    def musicnn(self, patch):
        x = self.norm('input', patch[..., None])
        front = [self.conv(f'timbral_{k}', x, ((3, 3), (0, 0))).max(2) for k in (74, 77)]
        for k in (128, 64, 32):
            same = ((k - 1) // 2, k // 2)
            front.append(self.conv(f'temporal_{k}', x, (same, (0, 0))).max(2))
        front = np.concatenate(front, -1)
        cnn1 = self.conv('mid1', front[..., None], ((3, 3), (0, 0)))[:, :, 0]
        cnn2 = self.conv('mid2', cnn1[..., None], ((3, 3), (0, 0)))[:, :, 0] + cnn1
        cnn3 = self.conv('mid3', cnn2[..., None], ((3, 3), (0, 0)))[:, :, 0] + cnn2
        features = np.concatenate([front, cnn1, cnn2, cnn3], -1)
        pooled = np.empty((len(patch), 2 * features.shape[-1]))
        pooled[:, 0::2], pooled[:, 1::2] = features.max(1), features.mean(1)
        hidden = np.maximum(self.dense('dense', self.norm('pooled', pooled)), 0)
        penultimate = self.norm('dense', hidden)
        logits = self.dense('output', penultimate)
        return front, cnn1, cnn2, cnn3, penultimate[:, None], logits[:, None]

    def vgg(self, patch):
        x, pools = self.norm('input', patch[..., None]), []
        for depth, (size, step) in enumerate(model.POOLS, start=1):
            x = self.conv(f'conv{depth}', x, ((1, 1), (1, 1)))
            x = SWV(x, size, (1, 2))[:, :: step[0], :: step[1]].max((-2, -1))
            pools.append(x)
        return tuple(pools)


def agree(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_musicnn_equals_the_plain_graph_with_scales_of_both_signs():
    tensors = drawn(model.TINY['musicnn'])
    layers = jax.jit(model.musicnn_layers)(model.make_params(tensors), jnp.float32(PATCH))
    agree(layers, Plain(tensors).musicnn(PATCH))


def test_vgg_equals_the_plain_graph_with_scales_of_both_signs():
    tensors = drawn(model.TINY['vgg'])
    pools = jax.jit(model.vgg_layers)(model.make_params(tensors), jnp.float32(PATCH))
    agree(pools, Plain(tensors).vgg(PATCH))


def test_normalisation_follows_relu():
    """Folding a normalisation into its convolution, as usual elsewhere, is another network."""
    tensors = drawn(model.TINY['musicnn'])
    right = Plain(tensors).musicnn(PATCH)[0]

    class Folded(Plain):
        def conv(self, block, x, pad):
            kernel = self.tensors[f'{block}/kernel']
            windows = SWV(np.pad(x, ((0, 0), *pad, (0, 0))), kernel.shape[:2], (1, 2))
            y = np.einsum('btfcij,ijco->btfo', windows, kernel, optimize=True)
            return np.maximum(self.norm(block, y + self.tensors[f'{block}/bias']), 0)

    wrong = Folded(tensors).musicnn(PATCH)[0]
    assert np.abs(right - wrong).max() > 0.1 * np.abs(right).max()


def test_pooled_features_are_interleaved():
    tensors = drawn(model.TINY['musicnn'])
    x = jnp.float32(PATCH)
    right = model.musicnn_layers(model.make_params(tensors), x)[4]
    half = len(tensors['dense/kernel']) // 2
    order = np.arange(2 * half).reshape(2, half).T.ravel()  # Maxima first, then means.
    turned = {name: t[order] if t.shape[0] == 2 * half else t for name, t in tensors.items()}
    wrong = model.musicnn_layers(model.make_params(turned), x)[4]
    assert float(jnp.abs(right - wrong).max()) > 0.1


def test_temporal_padding_is_one_shorter_on_the_left():
    tensors = drawn(model.TINY['musicnn'])
    params = model.make_params(tensors)
    impulse = np.zeros((1, 187, 96))
    impulse[0, 90] = 1.0
    block = {**params['temporal_32'], 'bias': jnp.zeros(3), 'shift': jnp.zeros(3)}
    block['scale'] = jnp.ones(3)
    out = model._shaped_maximum(block, jnp.float32(impulse), ((15, 16), (0, 0)))[0]
    kernel = np.maximum(tensors['temporal_32/kernel'][:, 0, 0], 0)
    np.testing.assert_allclose(out[90 - 16 : 90 + 16], kernel[::-1], atol=1e-6)
    assert (out[: 90 - 16] == 0).all()


@pytest.mark.parametrize('name', ['musicnn_msd', 'vgg_msd'])
def test_encode_is_the_network_on_the_log_mel_of_the_wave(name):
    encoder = base.load(name, weights='random', arch='tiny')
    wave = noise(2, encoder.card.input_samples)
    patch = model.log_mel(encoder.params, wave)
    assert patch.shape == (2, 187, 96)
    layers = jax.jit(encoder.encode)(encoder.params, wave)
    if name == 'vgg_msd':
        wanted = [pool.mean(2) for pool in jax.jit(model.vgg_layers)(encoder.params, patch)]
        frames = [92, 46, 23, 11, 2]
    else:
        wanted = jax.jit(model.musicnn_layers)(encoder.params, patch)
        frames = [187, 187, 187, 187, 1, 1]
    assert [layer.shape[1] for layer in layers] == frames
    agree(layers, [np.asarray(layer) for layer in wanted])


def under(**options):
    encoder = base.load('musicnn_msd', weights='random', arch='tiny', options=options)
    wave = noise(2, encoder.card.input_samples)
    return encoder, [np.asarray(x) for x in jax.jit(encoder.encode)(encoder.params, wave)]


def test_pooled_is_the_mean_then_the_maximum_and_moves_no_other_layer():
    _, plain = under()
    encoder, layers = under(pooled=True)
    for ours, other in zip(layers, plain, strict=False):
        np.testing.assert_array_equal(ours, other)
    features = np.concatenate(plain[:4], -1)
    wanted = np.concatenate([features.mean(1), features.max(1)], -1)
    np.testing.assert_allclose(layers[6][:, 0], wanted, rtol=1e-5, atol=1e-6)
    assert encoder.card.layers[6].width == wanted.shape[1]


def test_penultimate_before_its_relu_leads_to_the_one_of_the_graph():
    encoder, layers = under(penultimate='pre_relu')
    _, plain = under()
    before, block = layers[4], encoder.params['dense']
    assert (before < 0).any()
    after = np.maximum(before, 0) * np.asarray(block['scale']) + np.asarray(block['shift'])
    np.testing.assert_allclose(after, plain[4], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layers[5], plain[5])


def test_essentias_front_end_moves_every_layer_a_little():
    _, plain = under()
    _, layers = under(frontend='essentia')
    for ours, other in zip(layers, plain, strict=True):
        assert 0 < np.linalg.norm(ours - other) / np.linalg.norm(other) < 0.05


@pytest.mark.parametrize('name', ['musicnn_msd', 'vgg_msd'])
def test_bfloat16_moves_the_output_a_little_and_leaves_it_float32(name):
    exact = base.load(name, weights='random', arch='tiny')
    short = base.load(name, weights='random', arch='tiny', dtype='bfloat16')
    wave = noise(1, exact.card.input_samples)
    for a, b in zip(
        jax.jit(exact.encode)(exact.params, wave),
        jax.jit(short.encode)(short.params, wave),
        strict=True,
    ):
        assert b.dtype == jnp.float32
        error = float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a))
        assert 0 < error < 0.03


def test_the_big_model_is_the_same_code_at_its_own_widths():
    encoder = base.load('musicnn_msd_big', weights='random')
    wave = jnp.zeros((1, encoder.card.input_samples))
    shapes = jax.eval_shape(encoder.encode, encoder.params, wave)
    assert [shape.shape[2] for shape in shapes] == [561, 512, 512, 512, 500, 50]
    assert encoder.card.layers == base.card('musicnn_msd_big').layers


def test_a_tiny_architecture_has_its_own_card():
    encoder = base.load('musicnn_mtt', weights='random', arch='tiny')
    assert [layer.width for layer in encoder.card.layers] == [21, 5, 5, 5, 7, 4]
    assert encoder.card.name == 'musicnn_mtt'


@pytest.mark.parametrize('wrong', [{'arch': 'huge'}, {'dtype': 'float16'}])
def test_build_names_what_it_does_not_know(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong.values()))):
        base.load('musicnn_msd', weights='random', **wrong)
