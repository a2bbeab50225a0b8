"""MusiCNN and VGG on log mel patches, in jax; every layer a probe reads is an output.

Layouts are the reference's: [batch, time, frequency, channel]. Each block is convolution, ReLU,
batch normalisation, in that order, so a normalisation cannot move into its convolution. It is
kept as one multiplication and one addition per channel, applied after the maximum over
frequency where one follows: see `_shaped_maximum`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.musicnn import frontend
from jaxprobe.encoders.musicnn.weights import NORM_LEAVES, PUBLISHED, Arch, Musicnn, Vgg
from jaxprobe.encoders.musicnn.weights import load as load_weights
from jaxprobe.encoders.options import Options, changed

Block = dict[str, Array]
EPSILON = 1e-3  # Of every batch normalisation, from the published graphs.
TINY = {
    'musicnn': Musicnn(timbral=6, temporal=3, mid=5, dense=7, outputs=4),
    'vgg': Vgg(filters=6),
}
# VGG pools over (time, frequency): window, then stride.
POOLS = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))


class Taps(NamedTuple):
    """Everything that a MusiCNN computes of a patch and somebody reads.

    front and cnn1-3 are [B 187 D]; the pools (over time, of front and cnn1-3), the dense layer's
    output before its ReLU, after its normalisation (penultimate), and the logits are [B D].
    """

    front: Array
    cnn1: Array
    cnn2: Array
    cnn3: Array
    max_pool: Array
    mean_pool: Array
    pre_relu: Array
    penultimate: Array
    logits: Array


def make_params(
    tensors: dict[str, np.ndarray], dtype: str = 'float32', symmetric: bool = False
) -> dict[str, Block]:
    """Turns checkpoint tensors into what `encode` multiplies with.

    Args:
        tensors: `block/leaf` -> array, as `weights.template` names them.
        dtype: compute dtype of kernels; biases and normalisations stay float32.
        symmetric: Essentia's window.

    Returns:
        block -> kernel, bias, scale, shift; and the front end's window and filterbank.
    """
    params: dict[str, Block] = {}
    for block in dict.fromkeys(name.split('/')[0] for name in tensors):
        leaves = {n.split('/')[1]: t for n, t in tensors.items() if n.startswith(f'{block}/')}
        made = {}
        if 'kernel' in leaves:
            kernel = leaves['kernel']
            if block.startswith('mid'):  # Full height over one channel is a 1-D convolution.
                kernel = kernel[:, :, 0]
            made = {'kernel': jnp.asarray(kernel, dtype), 'bias': jnp.asarray(leaves['bias'])}
        if 'gamma' in leaves:
            wide = {leaf: leaves[leaf].astype(np.float64) for leaf in NORM_LEAVES}
            scale = wide['gamma'] / np.sqrt(wide['variance'] + EPSILON)
            made['scale'] = jnp.asarray(scale, jnp.float32)
            made['shift'] = jnp.asarray(wide['beta'] - wide['mean'] * scale, jnp.float32)
        params[block] = made
    params['frontend'] = {
        'window': jnp.asarray(frontend.hann(symmetric), jnp.float32),
        'mel': jnp.asarray(frontend.slaney_mel(), jnp.float32),
    }
    return params


def _normalised(block: Block, x: Float[Array, '*shape']) -> Float[Array, '*shape']:
    last = (1,) * (x.ndim - 1) + (-1,)
    return x * block['scale'].reshape(last) + block['shift'].reshape(last)


def _biased(block: Block, x: Float[Array, '*shape']) -> Float[Array, '*shape']:
    return x + block['bias'].reshape((1,) * (x.ndim - 1) + (-1,))


def _convolved(
    x: Float[Array, 'B T F I'], kernel: Float[Array, 'K J I C'], pad: Any
) -> Float[Array, 'B T G C']:
    """A 2-D convolution computed in the kernel's dtype, accumulated and returned in float32."""
    return lax.conv_general_dilated(
        x.astype(kernel.dtype),
        kernel,
        (1, 1),
        pad,
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )


def _shaped_maximum(block: Block, x: Float[Array, 'B T F'], pad: Any) -> Float[Array, 'B T C']:
    """Convolution, ReLU, normalisation, maximum over frequency: the front end's four steps.

    ReLU and normalisation are monotone per channel, falling where the scale is negative (the
    published ones have such), so the maximum over frequency is taken first: of the convolution,
    or of its negative where the scale is. The rest then works on [B T C], 30 to 96 times less,
    and the rounding of every step is the one it had.
    """
    sign = jnp.where(block['scale'] < 0, -1.0, 1.0)
    kernel = block['kernel'] * sign[None, None, None, :].astype(block['kernel'].dtype)
    highest = _convolved(x[..., None], kernel, pad).max(axis=2) * sign[None, None, :]
    return _normalised(block, jax.nn.relu(_biased(block, highest)))


def front_end(params: dict[str, Block], patch: Float[Array, 'B T F']) -> Float[Array, 'B T D']:
    """Timbral filters (7 frames x 38 or 67 bands), then temporal ones (128, 64, 32 frames)."""
    x = _normalised(params['input'], patch[..., None])[..., 0]
    along_time = ((3, 3), (0, 0))
    return jnp.concatenate(
        [
            _shaped_maximum(params['timbral_74'], x, along_time),
            _shaped_maximum(params['timbral_77'], x, along_time),
            _shaped_maximum(params['temporal_128'], x, ((63, 64), (0, 0))),
            _shaped_maximum(params['temporal_64'], x, ((31, 32), (0, 0))),
            _shaped_maximum(params['temporal_32'], x, ((15, 16), (0, 0))),
        ],
        axis=-1,
    )


def _mid(block: Block, x: Float[Array, 'B T I']) -> Float[Array, 'B T D']:
    """Seven frames of the full width, ReLU, normalisation."""
    y = lax.conv_general_dilated(
        x.astype(block['kernel'].dtype),
        block['kernel'],
        (1,),
        ((3, 3),),
        dimension_numbers=('NHC', 'HIO', 'NHC'),
        precision=precision(block['kernel'].dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )
    return _normalised(block, jax.nn.relu(_biased(block, y)))


def _dense(block: Block, x: Float[Array, 'B I']) -> Float[Array, 'B D']:
    kernel = block['kernel']
    y = jnp.matmul(
        x.astype(kernel.dtype),
        kernel,
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )
    return _biased(block, y)


def musicnn_layers(
    params: dict[str, Block], patch: Float[Array, 'B T F']
) -> tuple[Float[Array, 'B T_l D_l'], ...]:
    """The network on log mel patches.

    Args:
        params: from `make_params`.
        patch: [B 187 96] from `frontend.log_mel`.

    Returns:
        front, cnn1, cnn2, cnn3 [B 187 D]; penultimate and logits [B 1 D]. cnn2 and cnn3 are
        sums with what is below them.
    """
    return back_end(params, front_end(params, patch))


def back_end(
    params: dict[str, Block], front: Float[Array, 'B T D']
) -> tuple[Float[Array, 'B T_l D_l'], ...]:
    """Everything above the front end [B 187 D]; returns what `musicnn_layers` returns."""
    t = taps(params, front)
    return *t[:4], t.penultimate[:, None], t.logits[:, None]


def taps(params: dict[str, Block], front: Float[Array, 'B T D']) -> Taps:
    """Everything above the front end [B 187 D], also what only peers read."""
    cnn1 = _mid(params['mid1'], front)
    cnn2 = _mid(params['mid2'], cnn1) + cnn1
    cnn3 = _mid(params['mid3'], cnn2) + cnn2
    features = jnp.concatenate([front, cnn1, cnn2, cnn3], axis=-1)
    max_pool, mean_pool = features.max(axis=1), features.mean(axis=1)
    # Interleaved: maximum and mean of feature 0, then of feature 1, ...
    pooled = jnp.stack([max_pool, mean_pool], axis=-1)
    pooled = _normalised(params['pooled'], pooled.reshape(pooled.shape[0], -1))
    pre_relu = _dense(params['dense'], pooled)
    penultimate = _normalised(params['dense'], jax.nn.relu(pre_relu))
    logits = _dense(params['output'], penultimate)
    return Taps(front, cnn1, cnn2, cnn3, max_pool, mean_pool, pre_relu, penultimate, logits)


def vgg_layers(
    params: dict[str, Block], patch: Float[Array, 'B T F']
) -> tuple[Float[Array, 'B T_l F_l D'], ...]:
    """The VGG sibling on log mel patches [B 187 96]: its five pools [B T F D], spatial."""
    x = _normalised(params['input'], patch[..., None])
    pools = []
    for depth, (window, stride) in enumerate(POOLS, start=1):
        block = params[f'conv{depth}']
        x = _convolved(x, block['kernel'], ((1, 1), (1, 1)))
        x = _normalised(block, jax.nn.relu(_biased(block, x)))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *stride, 1), 'VALID')
        pools.append(x)
    return tuple(pools)


def log_mel(
    params: dict[str, Block], wave: Float[Array, 'B S'], halved: bool = True
) -> Float[Array, 'B T F']:
    """The patch that a window with its lead stands for, [B 187 96]."""
    front = params['frontend']
    return frontend.log_mel(front['window'], front['mel'], wave, halved)


def encode_musicnn(params: dict[str, Block], wave: Float[Array, 'B S']) -> tuple[Array, ...]:
    """Encodes windows of 256 + 47 872 samples; the layers of `musicnn_layers`."""
    return musicnn_layers(params, log_mel(params, wave))


def encode_as(options: Options) -> Callable[..., tuple[Array, ...]]:
    """What `encode` is under options that are not all at their defaults.

    Returns:
        (params, wave) -> the layers of `encode_musicnn`: `penultimate` of another place, or
        with `pooled` [B 1 D] behind them, the mean over time and then the maximum, as peers
        concatenate them.
    """
    halved, before = options['frontend'] == 'librosa', options['penultimate'] == 'pre_relu'

    def encode(params: dict[str, Block], wave: Float[Array, 'B S']) -> tuple[Array, ...]:
        t = taps(params, front_end(params, log_mel(params, wave, halved)))
        vectors = [t.pre_relu if before else t.penultimate, t.logits]
        if options['pooled']:
            vectors.append(jnp.concatenate([t.mean_pool, t.max_pool], axis=-1))
        return (*t[:4], *(vector[:, None] for vector in vectors))

    return encode


def encode_vgg(params: dict[str, Block], wave: Float[Array, 'B S']) -> tuple[Array, ...]:
    """Encodes windows of 256 + 47 872 samples; the five pools, each averaged over frequency."""
    return tuple(pool.mean(axis=2) for pool in vgg_layers(params, log_mel(params, wave)))


def build(
    card: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options | None = None
) -> Encoder:
    """Builds one of the five models; see `jaxprobe.encoders.base.load`. VGG has no options.

    Raises:
        ConfigError: an architecture or dtype that does not exist here.
        WeightsError: the weights are absent, damaged, or of another model.
    """
    sizes = _sizes(card, arch)
    if dtype not in ('float32', 'bfloat16'):
        raise ConfigError(f'encoder.dtype={dtype!r}. {suggest(dtype, ("float32", "bfloat16"))}')
    tensors, identity = load_weights(card, sizes, weights, seed)
    if arch:
        card = dataclasses.replace(card, layers=_layers(card, sizes))
    published = PUBLISHED.get(card.name, '')
    card = of_weights(card, identity, weights, published, resized=bool(arch))
    if options is None:
        return Encoder(card, make_params(tensors, dtype), encode_vgg, identity)
    params = make_params(tensors, dtype, symmetric=options['frontend'] == 'essentia')
    encode = encode_as(options) if changed(card.options, options) else encode_musicnn
    return Encoder(card, params, encode, identity)


def _sizes(card: Card, arch: str) -> Arch:
    """The sizes behind a card, or the tiny ones of the same family."""
    if arch not in ('', 'tiny'):
        raise ConfigError(
            f'encoder.arch={arch!r}: {card.name} is one published architecture; leave it empty, '
            f"or write 'tiny' for a small one of the same code."
        )
    family = 'vgg' if card.name.startswith('vgg') else 'musicnn'
    if arch:
        return TINY[family]
    if family == 'vgg':
        return Vgg()
    widths = {layer.name: layer.width for layer in card.layers}
    return Musicnn(mid=widths['cnn1'], dense=widths['penultimate'])


def _layers(card: Card, sizes: Arch) -> tuple[Layer, ...]:
    """The card's layers with the widths of another architecture."""
    if isinstance(sizes, Vgg):
        widths = [sizes.filters] * len(card.layers)
    else:
        pooled = 2 * (sizes.front + 3 * sizes.mid)
        widths = [sizes.front, *[sizes.mid] * 3, sizes.dense, sizes.outputs, pooled]
    return tuple(
        dataclasses.replace(layer, width=width)
        for layer, width in zip(card.layers, widths, strict=False)  # `pooled` may not be there.
    )
