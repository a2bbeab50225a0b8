"""The audio half of OpenL3 on a spectrogram in decibels; every layer a probe reads is an output.

Layouts are the reference's: [batch, frequency, time, channel]. Normalisations follow their
convolutions directly and are folded into them when the weights are read, in float64; the first
one, before any convolution, cannot be: the zeros beyond the border come after it.
"""

import jax.numpy as jnp
import numpy as np
from jax import nn
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.blocks.winograd import direct
from jaxprobe.encoders.openl3 import frontend
from jaxprobe.encoders.openl3.weights import EPSILON, NORM

Block = dict[str, Array]
EMBEDDING_POOL = 8  # 6144 = 4 x 3 x 512: the last map of 32 x 24 in squares of 8.


def make_params(tensors: dict[str, np.ndarray], dtype: str = 'float32') -> dict[str, Block]:
    """Turns a file's tensors into what `encode` multiplies with.

    Args:
        tensors: `block/leaf` -> array, as `weights.template` names them.
        dtype: of the kernels, and so of the convolutions.

    Returns:
        conv1 to conv8 -> kernel, bias (float32); input -> scale, shift; frontend -> its window
        and filterbank.
    """
    params: dict[str, Block] = {}
    for number in range(1, 9):
        kernel = tensors[f'conv{number}/kernel'].astype(np.float64)
        bias = tensors[f'conv{number}/bias'].astype(np.float64)
        if f'norm{number}/gamma' in tensors:
            scale, shift = _affine(tensors, f'norm{number}')
            kernel, bias = kernel * scale, bias * scale + shift
        params[f'conv{number}'] = {
            'kernel': jnp.asarray(kernel.astype(np.float32), precision(dtype).dtype),
            'bias': jnp.asarray(bias, jnp.float32),
        }
    scale, shift = _affine(tensors, 'norm0')
    params['input'] = {
        'scale': jnp.asarray(scale, jnp.float32),
        'shift': jnp.asarray(shift, jnp.float32),
    }
    params['frontend'] = {
        'window': jnp.asarray(frontend.hann(), jnp.float32),
        'mel': jnp.asarray(frontend.slaney_mel(), jnp.float32),
    }
    return params


def _affine(tensors: dict[str, np.ndarray], norm: str) -> tuple[np.ndarray, np.ndarray]:
    """A batch normalisation as scale and shift."""
    gamma, beta, mean, variance = (tensors[f'{norm}/{leaf}'].astype(np.float64) for leaf in NORM)
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale, beta - mean * scale


def _convolved(block: Block, x: Float[Array, 'B F T I']) -> Float[Array, 'B F T C']:
    """A 3x3 convolution in the kernel's dtype, with its bias, in float32 out."""
    kernel = block['kernel']
    y = direct(x.astype(kernel.dtype), kernel, precision(str(kernel.dtype)).matmul)
    return y.astype(jnp.float32) + block['bias'][None, None, None]


def _pooled(x: Float[Array, 'B F T C'], size: int) -> Float[Array, 'B F2 T2 C']:
    """The maximum over squares that abut; what fills no square is left out."""
    batch, bands, frames, channels = x.shape
    high, wide = bands // size, frames // size
    whole = x[:, : high * size, : wide * size]
    return whole.reshape(batch, high, size, wide, size, channels).max(axis=(2, 4))


def network(
    params: dict[str, Block], spectrogram: Float[Array, 'B F T']
) -> tuple[Float[Array, 'B _ _ _'], ...]:
    """The convolutions on decibels [B 256 199].

    Returns:
        pool1 [B 128 99 64], pool2 [B 64 49 128], pool3 [B 32 24 256], block4a [B 32 24 512] and
        final [B 32 24 512], which is linear: negative values stay.
    """
    scale, shift = params['input']['scale'], params['input']['shift']
    x = spectrogram[..., None] * scale[None, None, None] + shift[None, None, None]
    maps = []
    for number in range(1, 7):
        x = nn.relu(_convolved(params[f'conv{number}'], x))
        if number % 2 == 0:
            x = _pooled(x, 2)
            maps.append(x)
    block4a = nn.relu(_convolved(params['conv7'], x))
    return (*maps, block4a, _convolved(params['conv8'], block4a))


def layers(
    params: dict[str, Block], spectrogram: Float[Array, 'B F T']
) -> tuple[Float[Array, 'B 1 D_l'], ...]:
    """One vector per window and layer: maps averaged over frequency and time, and both embeddings.

    The embeddings are maxima of the last map: of the whole of it (512), or of squares of 8 x 8,
    flattened frequency first, then time, then channel (6144).
    """
    maps = network(params, spectrogram)
    means = [m.mean(axis=(1, 2))[:, None] for m in maps]
    last = maps[-1]
    squares = _pooled(last, EMBEDDING_POOL).reshape(last.shape[0], 1, -1)
    return (*means, last.max(axis=(1, 2))[:, None], squares)


def encode(
    params: dict[str, Block], wave: Float[Array, 'B S'], *, centred: bool
) -> tuple[Float[Array, 'B 1 D_l'], ...]:
    """Encodes windows of 48 000 samples; the layers of the card."""
    front = params['frontend']
    return layers(params, frontend.decibels(front['window'], front['mel'], wave, centred))
