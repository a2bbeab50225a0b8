"""NeuralFP on log mel maps, in jax; every layer a probe reads is an output.

Maps are [batch, frequency, time, channel]. A block is a convolution over time and one over
frequency, each followed by ELU and by a layer norm over the whole map.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.neuralfp import frontend
from jaxprobe.encoders.neuralfp import weights as tables
from jaxprobe.encoders.neuralfp.weights import STRIDES, TINY, Arch
from jaxprobe.encoders.options import Options

Block = dict[str, Array]
Params = dict[str, Block]
EPSILON = 1e-3  # Of every layer norm: Keras' default.
FEW = 2  # Positions of a map for which a convolution is run as a matrix product.
SHORTEST = 1e-12  # Squared length below which an embedding is not scaled to one.


def make_params(tensors: dict[str, np.ndarray], dtype: str = 'float32') -> Params:
    """Turns checkpoint tensors into what `encode` multiplies with.

    Args:
        tensors: 'block/leaf' -> array, as `weights.template` names them.
        dtype: compute dtype of convolutions; biases, norms and the small heads stay float32.

    Returns:
        block -> leaf -> array; and the front end's window and filterbank.
    """
    low = precision(dtype).dtype
    params: Params = {}
    for name, tensor in tensors.items():
        block, leaf = name.split('/')
        kind = low if leaf.endswith('kernel') and block != 'heads' else jnp.float32
        params.setdefault(block, {})[leaf] = jnp.asarray(tensor, kind)
    params['frontend'] = {
        'window': jnp.asarray(frontend.hann(), jnp.float32),
        'mel': jnp.asarray(frontend.mel_filters(), jnp.float32),
    }
    return params


def _convolved(
    block: Block, leaf: str, x: Float[Array, 'B F T I'], strides: tuple[int, int]
) -> Float[Array, 'B G U C']:
    """Convolution, bias, ELU, and the norm over frequency, time and channels."""
    kernel = block[f'{leaf}_kernel']
    convolve = _of_few if x.shape[1] * x.shape[2] <= FEW else _of_many
    y = convolve(x.astype(kernel.dtype), kernel, strides)
    y = jax.nn.elu(y + block[f'{leaf}_bias'][None, None, None])
    mean = y.mean(axis=(1, 2, 3), keepdims=True)
    variance = jnp.square(y - mean).mean(axis=(1, 2, 3), keepdims=True)
    scaled = (y - mean) * lax.rsqrt(variance + EPSILON)
    return scaled * block[f'{leaf}_scale'][None] + block[f'{leaf}_shift'][None]


def _of_many(
    x: Float[Array, 'B F T I'], kernel: Float[Array, 'h w I C'], strides: tuple[int, int]
) -> Float[Array, 'B G U C']:
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        'SAME',
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )


def _of_few(
    x: Float[Array, 'B F T I'], kernel: Float[Array, 'h w I C'], strides: tuple[int, int]
) -> Float[Array, 'B G U C']:
    """The same as one matrix product; of 2 x 1 positions XLA's convolution takes 20 times it."""
    pairs = [
        _padding(size, taps, stride)
        for size, taps, stride in zip(x.shape[1:3], kernel.shape, strides, strict=False)
    ]
    x = jnp.pad(x, ((0, 0), *pairs, (0, 0)))
    heard = [
        x[:, down : x.shape[1] - kernel.shape[0] + down + 1 : strides[0]][
            :, :, across : x.shape[2] - kernel.shape[1] + across + 1 : strides[1]
        ]
        for down in range(kernel.shape[0])
        for across in range(kernel.shape[1])
    ]
    return jnp.matmul(
        jnp.concatenate(heard, axis=-1),
        kernel.reshape(-1, kernel.shape[3]),
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )


def _padding(size: int, taps: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow's SAME has them."""
    total = max(0, (-(-size // stride) - 1) * stride + taps - size)
    return total // 2, total - total // 2


def divide_and_encode(heads: Block, flat: Float[Array, 'B D']) -> Float[Array, 'B Q']:
    """Every head makes one number of its own slice of the features."""
    kernels = heads['hidden_kernel'], heads['output_kernel']
    x = flat.reshape(flat.shape[0], kernels[0].shape[0], -1)
    for kernel, bias in zip(kernels, ('hidden_bias', 'output_bias'), strict=True):
        x = jnp.einsum('bqi,qio->bqo', x, kernel, precision='highest')
        x = x + heads[bias][None]
        if bias == 'hidden_bias':
            x = jax.nn.elu(x)
    return x[..., 0]


def network(params: Params, mel: Float[Array, 'B F T']) -> tuple[Float[Array, 'B D_l'], ...]:
    """The network on log mel maps.

    Args:
        params: from `make_params`.
        mel: [B 256 32] from `frontend.log_mel`.

    Returns:
        The mean over frequency and time of every block, the flat features, the embedding before
        its length is made one.
    """
    x, pooled = mel[..., None], []
    for index, stride in enumerate(STRIDES, start=1):
        block = params[f'block{index}']
        x = _convolved(block, 'time', x, (1, stride))
        x = _convolved(block, 'frequency', x, (2, 1))
        pooled.append(x.mean(axis=(1, 2)))
    flat = x.reshape(x.shape[0], -1)
    return *pooled, flat, divide_and_encode(params['heads'], flat)


def unit(vectors: Float[Array, 'B D']) -> Float[Array, 'B D']:
    """Vectors of length one."""
    squares = jnp.square(vectors).sum(axis=1, keepdims=True)
    return vectors * lax.rsqrt(jnp.maximum(squares, SHORTEST))


def encode(params: Params, wave: Float[Array, 'B S']) -> tuple[Float[Array, 'B T D_l'], ...]:
    """Encodes segments of 8000 samples; every layer is one vector per segment."""
    front = params['frontend']
    *layers, last = network(params, frontend.log_mel(front['window'], front['mel'], wave))
    return tuple(layer[:, None] for layer in (*layers, unit(last)))


def build(
    card: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds NeuralFP; see `jaxprobe.encoders.base.load`. The windows are on the card already.

    Raises:
        ConfigError: an architecture or dtype that does not exist here.
        WeightsError: the weights are absent, damaged, or of another model.
    """
    known = {'': Arch(), 'tiny': TINY}
    if arch not in known:
        raise ConfigError(
            f'encoder.arch={arch!r}: {card.name} has one architecture, and a tiny one. '
            f'{suggest(arch, known)}'
        )
    precision(dtype)  # Refuses an unknown one before the weights are read.
    tensors, identity = tables.load(card, known[arch], weights, seed)
    described = _described(card, known[arch], identity, weights)
    return Encoder(described, make_params(tensors, dtype), encode, identity)


def _described(card: Card, arch: Arch, identity: str, weights: str) -> Card:
    """The card of what was built."""
    widths = (*arch.widths, arch.widths[-1], arch.slices)
    layers = zip(card.layers, widths, strict=True)
    card = dataclasses.replace(
        card,
        title=card.title if arch == Arch() else f'{card.title}, tiny',
        layers=tuple(Layer(layer.name, width, frames=False) for layer, width in layers),
    )
    return of_weights(card, identity, weights, resized=arch != Arch())
