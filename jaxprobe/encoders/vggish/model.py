"""VGGish on log mel examples, in jax.

    conv1 64, conv2 128, conv3 256 256, conv4 512 512     3x3, ReLU; a 2x2 maximum after each
    fc1 4096, fc2 4096                                    ReLU
    embedding 128                                         with or without ReLU

Layouts are TensorFlow's [batch, time, frequency, channel], in which the first dense layer reads
the last pool as it lies. Source: `spec/encoders_cnn.md` section 5.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.options import Options
from jaxprobe.encoders.vggish import frontend
from jaxprobe.encoders.vggish import weights as tables
from jaxprobe.encoders.vggish.weights import Sizes

Params = dict[str, dict[str, Array]]
TINY = Sizes(convs=(4, 4, 5, 5, 6, 6), hidden=9, embedding=7)
STAGES = (('conv1',), ('conv2',), ('conv3_1', 'conv3_2'), ('conv4_1', 'conv4_2'))


def make_params(
    tensors: dict[str, np.ndarray], dtype: str = 'float32', symmetric: bool = False
) -> Params:
    """Puts tensors on the device, and the front end's window and filters beside them.

    Args:
        tensors: as `weights.template` names them.
        dtype: compute dtype of kernels; biases stay float32.
        symmetric: Essentia's window.
    """
    numbers, params = precision(dtype), {}
    for name, tensor in tensors.items():
        block, leaf = name.split('/')
        kind = numbers.dtype if leaf == 'kernel' else jnp.float32
        params.setdefault(block, {})[leaf] = jnp.asarray(tensor, kind)
    params['frontend'] = {
        'window': jnp.asarray(frontend.hann(symmetric), jnp.float32),
        'mel': jnp.asarray(frontend.htk_mel(), jnp.float32),
    }
    return params


def _convolved(block: dict[str, Array], x: Float[Array, 'B T F I']) -> Float[Array, 'B T F D']:
    kernel = block['kernel']
    return lax.conv_general_dilated(
        x.astype(kernel.dtype),
        kernel,
        (1, 1),
        'SAME',
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )


def _dense(block: dict[str, Array], x: Float[Array, 'B I']) -> Float[Array, 'B D']:
    kernel = block['kernel']
    product = jnp.matmul(
        x.astype(kernel.dtype),
        kernel,
        precision=precision(kernel.dtype.name).matmul,
        preferred_element_type=jnp.float32,
    )
    return product + block['bias'][None]


def _activated(block: dict[str, Array], x: Float[Array, 'B T F D']) -> Float[Array, 'B T F D']:
    return jax.nn.relu(x + block['bias'][None, None, None])


def _pooled(x: Float[Array, 'B T F D']) -> Float[Array, 'B T_l F_l D']:
    """The maximum of every 2 x 2; sides are even throughout."""
    batch, time, bands, width = x.shape
    return x.reshape(batch, time // 2, 2, bands // 2, 2, width).max(axis=(2, 4))


def network(params: Params, examples: Float[Array, 'B T F']) -> tuple[Array, ...]:
    """The network on log mel examples.

    The maximum is taken before bias and ReLU, which is the same numbers as after them (both are
    monotone) from a quarter of the additions.

    Args:
        params: from `make_params`.
        examples: [B 96 64] from `frontend.log_mel`.

    Returns:
        pool1 to pool4, [B T F D] with T F of 48 32, 24 16, 12 8, 6 4; fc1, fc2, and the embedding
        before its ReLU, [B D].
    """
    x, outputs = examples[..., None], []
    for *inner, last in STAGES:
        for name in inner:
            x = _activated(params[name], _convolved(params[name], x))
        x = _activated(params[last], _pooled(_convolved(params[last], x)))
        outputs.append(x)
    flat = x.reshape(x.shape[0], -1)
    fc1 = jax.nn.relu(_dense(params['fc1'], flat))
    fc2 = jax.nn.relu(_dense(params['fc2'], fc1))
    return (*outputs, fc1, fc2, _dense(params['embedding'], fc2))


def encode(params: Params, wave: Float[Array, 'B S']) -> tuple[Float[Array, 'B T_l D_l'], ...]:
    """The seven layers of windows of 15 600 samples, of which a lead may be part.

    Returns:
        pool1 to pool4, averaged over frequency, with 48, 24, 12 and 6 frames; fc1, fc2 and
        the embedding before its ReLU, with one.
    """
    front = params['frontend']
    *pools, fc1, fc2, embedding = network(
        params, frontend.log_mel(front['window'], front['mel'], wave)
    )
    vectors = (fc1[:, None], fc2[:, None], embedding[:, None])
    return (*(pool.mean(axis=2) for pool in pools), *vectors)


def encode_post_relu(params: Params, wave: Float[Array, 'B S']) -> tuple[Any, ...]:
    """`encode` with the embedding after its ReLU."""
    *below, embedding = encode(params, wave)
    return (*below, jax.nn.relu(embedding))


def build(
    card: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds VGGish; see `jaxprobe.encoders.base.load`.

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
    sizes = TINY if arch else Sizes()
    tensors, identity = tables.load(card, sizes, weights, seed)
    if arch:
        card = dataclasses.replace(card, layers=_layers(card, sizes))
    params = make_params(tensors, dtype, symmetric=options['frontend'] == 'essentia')
    chosen = encode_post_relu if options['output'] == 'post_relu' else encode
    described = of_weights(card, identity, weights, resized=bool(arch))
    return Encoder(described, params, chosen, identity)


def _layers(card: Card, sizes: Sizes) -> tuple:
    """The card's layers with the widths of another architecture."""
    pools = [sizes.convs[i] for i in (0, 1, 3, 5)]
    widths = [*pools, sizes.hidden, sizes.hidden, sizes.embedding]
    return tuple(
        dataclasses.replace(layer, width=width)
        for layer, width in zip(card.layers, widths, strict=True)
    )
