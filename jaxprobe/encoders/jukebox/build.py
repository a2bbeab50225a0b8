"""Builds the Jukebox encoder for `jaxprobe.encoders.base.load`."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder, Layer, Params
from jaxprobe.encoders.blocks.precision import Precision, precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.jukebox import architecture, card, prior, vqvae
from jaxprobe.encoders.jukebox import weights as tables
from jaxprobe.encoders.jukebox.architecture import Architecture
from jaxprobe.encoders.options import Options


def build(
    found: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds the encoder; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown dtype or architecture, options that exclude each other, or
            published weights for another architecture.
        WeightsError: a file is absent, damaged or belongs to another model.
    """
    a, numbers = architecture.resolve(arch), compute(dtype, str(options['matmul']))
    if arch and not weights:
        raise ConfigError(
            f"encoder.arch={arch!r} needs weights of that size: encoder.weights='random', or the "
            f'folder of its files. The published files have the published architecture.'
        )
    tokens = a.n_ctx * int(options['tokens']) // card.TOKENS
    if tokens % a.block:
        raise ConfigError(
            f'tokens={options["tokens"]} leaves {tokens} of the {a.n_ctx} tokens of '
            f'encoder.arch={arch!r}, no multiple of its blocks of {a.block}.'
        )
    if weights == 'random':
        params, identity = tables.random(a, seed)
    else:
        params, identity = tables.load(a, tables.find(weights))
    described = describe(found, a, options, identity, weights, published=not arch)
    pool = (prior.clip_mean if options['pool'] == 'clip' else prior.block_means)(a.block)

    def encode(params: Params, wave: Float[Array | np.ndarray, 'B S']) -> Float[Array, 'B L F D']:
        if wave.shape[1] != described.window_samples:
            raise ConfigError(
                f'{found.name} was given {wave.shape[1]} samples; its window is '
                f'{described.window_samples} ({tokens} tokens). The options tokens and context '
                f'choose another.'
            )
        latent = vqvae.latent(a, params, jnp.asarray(wave))
        codes = vqvae.codes(params, latent[:, :tokens])
        return prior.states(a, numbers, params, codes, pool)

    if arch not in ('', 'tiny'):  # A file brings sizes that no layer or width shows.
        identity += f'-{fs.digest(a._asdict(), 8)}'
    return Encoder(described, params, encode, identity)


def compute(dtype: str, matmul: str) -> Precision:
    """The dtype and precision of the prior's matrix products.

    Args:
        dtype: the config's, 'float32' or 'bfloat16'.
        matmul: the option: 'dtype', or 'float16', which goes before it.

    Raises:
        ConfigError: an unknown dtype.
    """
    numbers = precision(dtype)
    if matmul == 'float16':
        return Precision(jnp.float16, jax.lax.Precision.DEFAULT)
    return numbers


def describe(
    found: Card,
    a: Architecture,
    options: Options,
    identity: str,
    weights: str,
    *,
    published: bool,
) -> Card:
    """The card of what was built, which is another model where sizes or weights are others.

    Args:
        found: the published model's, configured.
        a: what was built.
        options: complete.
        identity: of the weights, 'random-<seed>' for those.
        weights: as `base.load`.
        published: False where the sizes are not the published.
    """
    changes: dict[str, Any] = {'title': found.title}
    if not published:
        names = ('input', *(f'layer{k}' for k in range(1, a.prior_depth + 1)))
        found = card.windowed(found, options, a.n_ctx, a.block)
        changes = {
            'title': f'{found.title}, architecture of {a.prior_depth} layers of width '
            f'{a.prior_width}',
            'layers': tuple(
                Layer(name, a.prior_width, frames=found.layers[0].frames) for name in names
            ),
            'mix': tuple(range(1, a.prior_depth + 1)),
            'gflop_per_second': architecture.gflop_per_second(a, found.sample_rate),
        }
    built = dataclasses.replace(found, **changes)
    return of_weights(built, identity, weights, resized=not published)
