"""The top encoder of the VQ-VAE: from a wave to one code per 128 samples, in jax.

Always in float32: a code is a choice, and a rounding that flips it changes everything the prior
sees after it.
"""

import jax.numpy as jnp
from jax import lax, nn
from jaxtyping import Array, Float, Int

from jaxprobe.encoders.jukebox.architecture import DOWNS, Architecture

Params = dict[str, Array]


def shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Our leaves and their shapes; kernels are (taps, in, out)."""
    found: dict[str, tuple[int, ...]] = {}
    entering = 1
    for level, downs in enumerate(DOWNS):
        for down in range(downs):
            here = f'vqvae.level{level}.down{down}'
            found |= _conv(f'{here}.conv', 4, entering, a.width)
            for block in range(a.depth):
                found |= _conv(f'{here}.block{block}.dilated', 3, a.width, a.width)
                found |= _conv(f'{here}.block{block}.pointwise', 1, a.width, a.width)
            entering = a.width
        found |= _conv(f'vqvae.level{level}.out', 3, a.width, a.emb_width)
        entering = a.emb_width
    return found | {'vqvae.codebook': (a.bins, a.emb_width)}


def _conv(name: str, taps: int, entering: int, leaving: int) -> dict[str, tuple[int, ...]]:
    return {f'{name}.kernel': (taps, entering, leaving), f'{name}.bias': (leaving,)}


def latent(a: Architecture, params: Params, wave: Float[Array, 'B S']) -> Float[Array, 'B T C']:
    """The encoder's output before it is quantised.

    Args:
        a: its sizes.
        params: the leaves of `shapes`, float32.
        wave: [B S] at 44.1 kHz, the item's largest magnitude 1.

    Returns:
        [B T 64] with T = S // 128, every frame from about 0.5 s of audio.
    """
    x = wave[..., None]
    for level, downs in enumerate(DOWNS):
        for down in range(downs):
            here = f'vqvae.level{level}.down{down}'
            x = _convolved(params, f'{here}.conv', x, pad=1, stride=2)
            for block in range(a.depth):
                reach = a.growth**block
                name = f'{here}.block{block}'
                y = _convolved(params, f'{name}.dilated', nn.relu(x), pad=reach, dilation=reach)
                x = x + _convolved(params, f'{name}.pointwise', nn.relu(y))
        x = _convolved(params, f'vqvae.level{level}.out', x, pad=1)
    return x


def codes(params: Params, x: Float[Array, 'B T C']) -> Int[Array, 'B T']:
    """The nearest code of every frame, by the reference's own arithmetic.

    The square of the frame is the same for all codes, and yet it counts: in float32 it rounds
    away what is small beside it, and of codes that are then equally near the first is taken.
    Without it a frame between two codes may get the other one.
    """
    book = params['vqvae.codebook']
    product = jnp.einsum('btc,kc->btk', x, book, precision=lax.Precision.HIGHEST)
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    distance = square - 2 * product + jnp.sum(book**2, axis=1)[None, None]
    return jnp.argmin(distance, axis=-1)


def _convolved(
    params: Params,
    name: str,
    x: Float[Array, 'B T I'],
    pad: int = 0,
    stride: int = 1,
    dilation: int = 1,
) -> Float[Array, 'B U O']:
    y = lax.conv_general_dilated(
        x,
        params[f'{name}.kernel'],
        (stride,),
        ((pad, pad),),
        rhs_dilation=(dilation,),
        dimension_numbers=('NHC', 'HIO', 'NHC'),
        precision=lax.Precision.HIGHEST,
    )
    return y + params[f'{name}.bias'][None, None]
