"""The sizes of a Jukebox model: published, tiny, or named as in the reference's hparams.py."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import ConfigError, suggest

DOWNS = (3, 2, 2)  # Halvings per level of the top encoder.
ATTENTION = (1, 2, 3)  # Kinds of attention, in turn: `attn_order` 2 of the reference.
MLP_WIDTH = 1  # Of the residual stream: `m_mlp`.
STATE_SHARE = 4  # The residual stream is so many times wider than all heads: 1 / `m_attn`.


class Architecture(NamedTuple):
    """Everything that decides shapes; the defaults are the published.

    Attributes:
        width: channels of the VQ-VAE's encoder.
        depth: residual blocks after each of its halvings, dilated by powers of `growth`.
        emb_width: of a code.
        bins: codes in the codebook, tokens of the prior.
        n_ctx: tokens of the prior's context.
        blocks: that the context is divided into.
        prior_depth: layers that are kept.
        file_depth: layers that the published file has.
        artists, genres, times: rows of the label tables.
        min_seconds, max_seconds: of a song, between which lengths are binned.
    """

    width: int = 32
    depth: int = 4
    growth: int = 3
    emb_width: int = 64
    bins: int = 2048
    n_ctx: int = 8192
    blocks: int = 128
    prior_width: int = 4800
    prior_depth: int = 36
    heads: int = 8
    file_depth: int = 72
    artists: int = 4111
    genres: int = 120
    times: int = 128
    min_seconds: float = 60.0
    max_seconds: float = 600.0

    @property
    def state(self) -> int:
        """Width of all heads of queries, keys or values together."""
        return self.prior_width // STATE_SHARE

    @property
    def block(self) -> int:
        """Tokens per block."""
        return self.n_ctx // self.blocks


TINY = Architecture(
    width=4, depth=1, emb_width=8, bins=64, n_ctx=256, blocks=16, prior_width=48, prior_depth=6,
    heads=2, file_depth=9, artists=5, genres=4, times=16,
)  # fmt: skip

# The reference's name of a size -> ours. `y_bins` is genres, then artists.
_NAMES = {
    'width': 'width',
    'depth': 'depth',
    'dilation_growth_rate': 'growth',
    'emb_width': 'emb_width',
    'l_bins': 'bins',
    'n_ctx': 'n_ctx',
    'blocks': 'blocks',
    'prior_width': 'prior_width',
    'prior_depth': 'prior_depth',
    'heads': 'heads',
    'file_depth': 'file_depth',
    't_bins': 'times',
    'min_duration': 'min_seconds',
    'max_duration': 'max_seconds',
}
# What is ported and nothing else.
_PORTED = {'attn_order': 2, 'merged_decoder': True, 'use_tokens': False, 'm_attn': 0.25, 'm_mlp': 1}


def resolve(arch: str) -> Architecture:
    """Reads the config's `arch`.

    Args:
        arch: '' for the published sizes, 'tiny', or the path of a JSON file with sizes under the
            names of the reference's hparams.py; what it leaves out is as published.

    Raises:
        ConfigError: the file is absent, names what is unknown or not ported, or does not divide.
    """
    if not arch:
        return Architecture()
    if arch == 'tiny':
        return TINY
    path = Path(arch)
    try:
        given = json.loads(path.read_text())
        if not isinstance(given, dict):
            raise ValueError('it is no object')
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"encoder.arch={arch!r} cannot be read as JSON: {error}. Give '' for the published "
            f"sizes, 'tiny', or a JSON file with sizes named as in jukebox/hparams.py."
        ) from error
    return _checked(arch, _sizes(arch, given))


def _sizes(arch: str, given: dict[str, Any]) -> Architecture:
    sizes: dict[str, Any] = {}
    for name, value in given.items():
        if name in _PORTED:
            if value != _PORTED[name]:
                raise ConfigError(
                    f'encoder.arch={arch!r}: {name}={value!r} is not ported, only {_PORTED[name]!r}'
                    f' (the top prior of 5b).'
                )
        elif name == 'y_bins':
            sizes['genres'], sizes['artists'] = (int(bins) for bins in value)
        elif name in _NAMES:
            kind = type(Architecture._field_defaults[_NAMES[name]])
            sizes[_NAMES[name]] = kind(value)
        else:
            known = [*_NAMES, 'y_bins', *_PORTED]
            raise ConfigError(
                f'encoder.arch={arch!r}: there is no size {name!r}. {suggest(name, known)}'
            )
    return Architecture(**sizes)


def _checked(arch: str, a: Architecture) -> Architecture:
    """Refuses sizes that do not divide."""
    faults = {
        f'prior_depth={a.prior_depth} is no multiple of 3 (three kinds of attention take turns)': (
            a.prior_depth % len(ATTENTION)
        ),
        f'n_ctx={a.n_ctx} is no multiple of blocks={a.blocks}': a.n_ctx % a.blocks,
        f'prior_width={a.prior_width} is no multiple of 4 x heads={a.heads}': (
            a.prior_width % (STATE_SHARE * a.heads)
        ),
    }
    found = [fault for fault, remainder in faults.items() if remainder]
    if found:
        raise ConfigError(f'encoder.arch={arch!r}: {"; ".join(found)}.')
    return a


def gflop_per_second(a: Architecture, sample_rate: int) -> float:
    """Arithmetic per second of audio, in 1e9 operations.

    A multiplication and its addition count as two; norms, activations and softmax, under 1 % of
    it, are left out.
    """
    hop = 2 ** sum(DOWNS)
    rate = sample_rate / hop
    w, s = a.prior_width, a.state
    linears = w * 3 * s + s * w + 2 * MLP_WIDTH * w * w
    # Queries with keys and weights with values, over a block, over all blocks, over a block.
    attention = 2 * s * (2 * a.block + a.blocks) / 3
    prior = rate * a.prior_depth * (linears + attention)
    return 2e-9 * (prior + _vqvae(a, sample_rate))


def _vqvae(a: Architecture, sample_rate: int) -> float:
    """Multiplications per second of the top encoder and its search of the codebook."""
    total, rate, entering = 0.0, float(sample_rate), 1
    for downs in DOWNS:
        for _ in range(downs):
            rate /= 2
            total += rate * (4 * entering * a.width + a.depth * 4 * a.width**2)
            entering = a.width
        total += rate * 3 * a.width * a.emb_width
        entering = a.emb_width
    return total + rate * a.bins * a.emb_width
