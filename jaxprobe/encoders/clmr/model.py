"""SampleCNN on the waveform, in jax; every convolution's output is a layer.

    conv0     3 samples, stride 3                           [B S/3 128]
    conv1-9   3 frames, then the maximum of every 3         [B S/3^(i+1) D]
    conv10    3 frames                                      [B 1 512]

Each is followed by batch normalisation and ReLU. In inference a normalisation is a scale and an
offset per channel directly behind its convolution, so it is part of kernel and bias here.

Source: `clmr/models/sample_cnn.py` of CLMR 423414d as `spec/encoders_cnn.md` section 4 has it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.clmr import weights as tables
from jaxprobe.encoders.clmr.card import WIDTHS
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.options import Options

Params = dict[str, dict[str, Array]]
EPSILON = 1e-5  # Of torch's batch normalisation.
TINY = (5, 5, 5, 6, 6, 6, 6, 6, 6, 8, 8)


def make_params(tensors: dict[str, np.ndarray], dtype: str = 'float32') -> Params:
    """Joins each convolution with its normalisation, in float64.

    Args:
        tensors: as `weights.template` names them.
        dtype: compute dtype of kernels; biases stay float32.

    Returns:
        block -> kernel [3 in out] and bias [out].
    """
    numbers, params = precision(dtype), {}
    for block in dict.fromkeys(name.split('/')[0] for name in tensors):
        wide = {
            name.split('/')[1]: tensor.astype(np.float64)
            for name, tensor in tensors.items()
            if name.startswith(f'{block}/')
        }
        scale = wide['gamma'] / np.sqrt(wide['variance'] + EPSILON)
        bias = (wide['bias'] - wide['mean']) * scale + wide['beta']
        params[block] = {
            'kernel': jnp.asarray((wide['kernel'] * scale).astype(np.float32), numbers.dtype),
            'bias': jnp.asarray(bias.astype(np.float32)),
        }
    return params


def _convolved(
    block: dict[str, Array], x: Float[Array, 'B T I'], stride: int, pad: int
) -> Float[Array, 'B T_l D']:
    """A convolution over three frames in the kernel's dtype, returned in float32, no bias yet."""
    kernel = block['kernel']
    return lax.conv_general_dilated(
        x.astype(kernel.dtype),
        kernel,
        (stride,),
        ((pad, pad),),
        dimension_numbers=('NHC', 'HIO', 'NHC'),
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )


def _activated(block: dict[str, Array], x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
    return jax.nn.relu(x + block['bias'][None, None])


def _pooled(x: Float[Array, 'B T D']) -> Float[Array, 'B T_l D']:
    """The maximum of every three frames; a rest is dropped."""
    batch, frames, width = x.shape
    kept = frames // 3
    return x[:, : 3 * kept].reshape(batch, kept, 3, width).max(axis=2)


def encode(params: Params, wave: Float[Array, 'B S']) -> tuple[Float[Array, 'B T_l D_l'], ...]:
    """The eleven layers of a window.

    The maximum is taken before bias and ReLU, which is the same numbers as after them (both are
    monotone) from a third of the additions.

    Args:
        params: from `make_params`.
        wave: [B S]; 59 049 samples, or the 59 409 of the peers, leave one frame of `conv9`.

    Returns:
        conv0 [B S/3 128] to conv10 [B 1 512].
    """
    first, *middle, last = (params[f'conv{i}'] for i in range(len(params)))
    x = _activated(first, _convolved(first, wave[..., None], 3, 0))
    layers = [x]
    for block in middle:
        x = _activated(block, _pooled(_convolved(block, x, 1, 1)))
        layers.append(x)
    layers.append(_activated(last, _convolved(last, x, 1, 1)))
    return tuple(layers)


def build(
    card: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds CLMR; see `jaxprobe.encoders.base.load`. The window is on the card already.

    Raises:
        ConfigError: an architecture or dtype that does not exist here.
        WeightsError: the weights are absent, damaged, or of another model.
    """
    if arch not in ('', 'tiny'):
        raise ConfigError(
            f'encoder.arch={arch!r}: {card.name} is one published architecture; leave it empty, '
            f"or write 'tiny' for a small one of the same code."
        )
    precision(dtype)  # Refuses an unknown one before the weights are read.
    widths = TINY if arch else WIDTHS
    tensors, identity = tables.load(card, widths, weights, seed)
    if arch:
        layers = zip(card.layers, widths, strict=True)
        card = dataclasses.replace(
            card, layers=tuple(dataclasses.replace(layer, width=w) for layer, w in layers)
        )
    described = of_weights(card, identity, weights, resized=bool(arch))
    return Encoder(described, make_params(tensors, dtype), encode, identity)
