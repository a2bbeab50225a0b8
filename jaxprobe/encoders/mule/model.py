"""The SlowFast NFNet on slices [frequency, time], in jax; every layer a probe reads is an output.

No normalisation over anything: kernels are standardised (when the weights are read), each
activation is scaled to keep the variance, and each block divides by the deviation its input
should have. The fast path sees four times the frames of the slow one with an eighth of the
channels, and each slow stage begins with the fast path's state beside its own.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.mule import architecture, frontend
from jaxprobe.encoders.mule.architecture import Arch

Params = dict[str, dict[str, Array]]
GELU_SCALE = 1.7015043497085571  # Restores unit variance after gelu of a unit normal.
STRIDES = {  # Of the stems: (frequency, time).
    'slow': ((2, 8), (1, 1), (1, 1), (2, 2)),
    'fast': ((2, 2), (1, 1), (1, 1), (2, 2)),
}
# From this many channels per group, one convolution per group beats XLA's grouped one on a CPU
# (2.5 to 4 times at six groups of 128); below, it is the other way round.
WIDE = 64


def make_params(tensors: dict[str, np.ndarray], dtype: str = 'float32') -> Params:
    """Turns tensors into what `encode` multiplies with.

    Args:
        tensors: `part/leaf` -> array, as `weights.template` names them.
        dtype: of the kernels, and so of convolutions and matrix products.

    Returns:
        part -> kernel and bias, or scale; and the front end's window and filterbank.
    """
    params: Params = {}
    for name, tensor in tensors.items():
        part, leaf = name.split('/')
        wanted = precision(dtype).dtype if leaf == 'kernel' else jnp.float32
        params.setdefault(part, {})[leaf] = jnp.asarray(tensor, wanted)
    params['frontend'] = {
        'window': jnp.asarray(frontend.hann(), jnp.float32),
        'mel': jnp.asarray(frontend.htk_mel(), jnp.float32),
    }
    return params


def _gelu(x: Float[Array, '*shape']) -> Float[Array, '*shape']:
    # The exact one, as TensorFlow writes it; jax.nn.gelu's erfc compiles 1.6 times as long.
    return (0.5 * GELU_SCALE) * x * (1.0 + lax.erf(x * math.sqrt(0.5)))


def _dense(part: dict[str, Array], x: Float[Array, '*shape I']) -> Float[Array, '*shape O']:
    """A matrix product over the last axis, in the kernel's dtype; float32 out."""
    kernel = part['kernel']
    kernel = kernel.reshape(kernel.shape[-2:])  # A 1x1 convolution is one, too.
    y = jnp.matmul(
        x.astype(kernel.dtype),
        kernel,
        precision=precision(str(kernel.dtype)).matmul,
        preferred_element_type=jnp.float32,
    )
    return y + part['bias'].reshape((1,) * (y.ndim - 1) + (-1,))


def _convolved(
    part: dict[str, Array], x: Float[Array, 'B F T I'], strides: tuple[int, int] = (1, 1)
) -> Float[Array, 'B F2 T2 O']:
    """A convolution, grouped where the kernel has fewer inputs than x; float32 out.

    'SAME' as TensorFlow means it: an odd zero goes to the end.
    """
    kernel = part['kernel']
    width = kernel.shape[2]
    groups = x.shape[-1] // width
    apart = groups if width >= WIDE else 1
    pieces = [
        lax.conv_general_dilated(
            piece,
            weights,
            strides,
            'SAME',
            dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
            feature_group_count=groups // apart,
            precision=precision(str(kernel.dtype)).matmul,
            preferred_element_type=jnp.float32,
        )
        for piece, weights in zip(
            jnp.split(x.astype(kernel.dtype), apart, axis=-1),
            jnp.split(kernel, apart, axis=-1),
            strict=True,
        )
    ]
    y = jnp.concatenate(pieces, axis=-1) if apart > 1 else pieces[0]
    return y + part['bias'][None, None, None]


def _stem(params: Params, path: str, x: Float[Array, 'B F T 1']) -> Float[Array, 'B F2 T2 C']:
    """Four convolutions with activations between them and none after."""
    for i, strides in enumerate(STRIDES[path]):
        x = _convolved(params[f'{path}.stem.{i}'], _gelu(x) if i else x, strides)
    return x


def _block(
    params: Params, name: str, x: Float[Array, 'B F T I'], beta: float, stride: int
) -> Float[Array, 'B F2 T O']:
    """A bottleneck with squeeze and excitation on its residual branch.

    Args:
        params: all of them.
        name: `slow.2.0`; a first block of a stage has a convolution on its skip path, too.
        x: the state.
        beta: one over the deviation x should have.
        stride: of the frequency axis; it sits in the 1x3 convolution along time.
    """
    h = _gelu(x) * beta
    skip = x
    if f'{name}.skip' in params:
        batch, bands, steps, channels = h.shape
        pooled = h.reshape(batch, bands // stride, stride, steps, channels).mean(axis=2)
        skip = _dense(params[f'{name}.skip'], pooled)
    r = _dense(params[f'{name}.narrow'], h)
    r = _convolved(params[f'{name}.time'], _gelu(r), (stride, 1))
    r = _convolved(params[f'{name}.frequency'], _gelu(r))
    r = _dense(params[f'{name}.widen'], _gelu(r))
    weight = jax.nn.relu(_dense(params[f'{name}.squeeze'], r.mean(axis=(1, 2))))
    weight = 2.0 * jax.nn.sigmoid(_dense(params[f'{name}.excite'], weight))
    scale = architecture.ALPHA * params[f'{name}.gain']['scale']
    return skip + r * (weight * scale)[:, None, None]


def network(
    params: Params, slices: Float[Array, 'B F T'], a: Arch
) -> tuple[Float[Array, 'B _ _ _'], ...]:
    """The maps behind `architecture.probe_points`, without the embedding.

    Args:
        params: from `make_params`.
        slices: [B 96 300] from `frontend.slices`.
        a: the sizes of what made the params.

    Returns:
        [B frequency time channel] each, in depth order.
    """
    x = slices[..., None]
    slow, fast = _stem(params, 'slow', x), _stem(params, 'fast', x)
    maps = []
    for stage, depth in enumerate(a.depths):
        beside = _convolved(params[f'fuse.{stage}.time'], fast, (1, 4))
        beside = _dense(params[f'fuse.{stage}.point'], beside)
        slow = jnp.concatenate([slow, beside], axis=-1)
        if stage == 0:
            maps.append(slow)
        for block in range(depth):
            stride = 2 if stage and block == 0 else 1
            beta = architecture.beta(stage, block)
            slow = _block(params, f'slow.{stage}.{block}', slow, beta, stride)
            fast = _block(params, f'fast.{stage}.{block}', fast, beta, stride)
            maps.append(slow)
        maps.append(fast)
    return tuple(maps)


def layers(
    params: Params, slices: Float[Array, 'B F T'], a: Arch
) -> tuple[Float[Array, 'B 1 D_l'], ...]:
    """One vector per slice and layer: maps averaged over frequency and time, and the embedding.

    The embedding is the activation of both paths' last means, side by side.
    """
    means = [m.mean(axis=(1, 2))[:, None] for m in network(params, slices, a)]
    return (*means, _gelu(jnp.concatenate(means[-2:], axis=-1)))


def encode(
    params: Params, wave: Float[Array, 'B S'], *, arch: Arch, gain: float
) -> tuple[Float[Array, 'B 1 D_l'], ...]:
    """Encodes windows of 56 040 samples; the layers of the card."""
    front = params['frontend']
    return layers(params, frontend.slices(front['window'], front['mel'], wave, gain), arch)
