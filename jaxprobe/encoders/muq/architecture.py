"""The sizes of a MuQ or MusicFM model: published, tiny, or read from the reference's config.

Both references take their sizes from JSON in layouts of their own; what neither port nor
published weights know (another activation, positions, frame rate) is refused, not ignored.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import ConfigError

# Mean and standard deviation, in dB, over the mel bins of the training set.
MSD_STATS = (6.768444971712967, 18.417922652295623)
FMA_STATS = (3.0710578151459664, 20.999089814337626)
STATS = {'muq': MSD_STATS, 'musicfm_msd': MSD_STATS, 'musicfm_fma': FMA_STATS}


class Architecture(NamedTuple):
    """Everything that decides the shapes and the front end; the defaults are the published."""

    mean: float
    std: float
    channels: int = 512  # Of the convolution stem.
    width: int = 1024
    depth: int = 12
    heads: int = 16
    hidden: int = 4096  # Of the feed-forward modules.
    kernel: int = 31
    rotary_base: float = 10000.0
    epsilon: float = 1e-5
    sample_rate: int = 24000
    n_fft: int = 2048
    hop: int = 240
    n_mels: int = 128


def resolve(name: str, arch: str) -> Architecture:
    """Reads the config's `arch` for one of the registered names.

    Args:
        name: 'muq', 'musicfm_msd' or 'musicfm_fma'; decides the statistics, except where a
            config brings its own.
        arch: '' for the published sizes, 'tiny', or the path of a reference's config.json.

    Raises:
        ConfigError: the file is absent, not such a config, or asks for what is not ported.
    """
    mean, std = STATS[name]
    if not arch:
        return Architecture(mean, std)
    if arch == 'tiny':
        return Architecture(mean, std, channels=8, width=32, depth=3, heads=4, hidden=64)
    return from_config(Path(arch), mean, std)


def from_config(path: Path, mean: float, std: float) -> Architecture:
    """Reads MuQ's or MusicFM's config.json (the file or its folder).

    Raises:
        ConfigError: see `resolve`.
    """
    path = path / 'config.json' if path.is_dir() else path
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigError(
            f"encoder.arch={str(path)!r}: there is no such file. Give '' for the published "
            f"architecture, 'tiny', or the path of the reference's config.json."
        ) from None
    except (ValueError, OSError) as error:
        raise ConfigError(f'encoder.arch={str(path)!r} cannot be read as JSON: {error}') from error
    speech = config.get('w2v2_config', config.get('w2v2')) if isinstance(config, dict) else None
    if not isinstance(speech, dict):
        raise ConfigError(
            f"encoder.arch={str(path)!r} has neither 'w2v2_config' (MuQ) nor 'w2v2' (MusicFM). "
            f'Is it the config.json of another model?'
        )
    _refuse_unported(path, config, speech)
    stat = config.get('stat', {})
    try:
        return Architecture(
            mean=float(stat.get('melspec_2048_mean', mean)),
            std=float(stat.get('melspec_2048_std', std)),
            channels=int(config['conv_dim']),
            width=int(config['encoder_dim']),
            depth=int(config['encoder_depth']),  # Theirs overrides num_hidden_layers too.
            heads=int(speech['num_attention_heads']),
            hidden=int(speech['intermediate_size']),
            kernel=int(speech.get('conv_depthwise_kernel_size', 31)),
            rotary_base=float(speech.get('rotary_embedding_base', 10000)),
            epsilon=float(speech.get('layer_norm_eps', 1e-5)),
        )
    except KeyError as error:
        raise ConfigError(f'encoder.arch={str(path)!r} has no {error.args[0]!r}.') from error


# Setting -> the only values ported. A config that leaves one out means the first.
_PORTED: dict[str, tuple[Any, ...]] = {
    'label_rate': (25,),
    'hop_length': (240,),
    'n_mels': (128,),
    'position_embeddings_type': ('rotary',),
    'hidden_act': ('swish', 'silu'),
}


def _refuse_unported(path: Path, config: dict[str, Any], speech: dict[str, Any]) -> None:
    both = speech | config
    strange = [
        f'{key}={both[key]!r} (ported: {" or ".join(map(repr, values))})'
        for key, values in _PORTED.items()
        if key in both and both[key] not in values
    ]
    if speech.get('hidden_size', config.get('encoder_dim')) != config.get('encoder_dim'):
        strange.append(
            f'hidden_size={speech["hidden_size"]} beside encoder_dim={config.get("encoder_dim")}'
        )
    if strange:
        raise ConfigError(f'encoder.arch={str(path)!r} asks for {"; ".join(strange)}.')


def gflop_per_second(a: Architecture, seconds: float) -> float:
    """Arithmetic per second of audio in windows of so many seconds, in 1e9 operations.

    A multiplication and its addition count as two; spectrogram, norms and activations, under
    1 % of it, are left out.
    """
    frames = a.sample_rate / a.hop
    rate, bands = frames / 4, a.n_mels / 4
    dense = 9 * a.channels * a.channels
    stem = frames / 2 * a.n_mels / 2 * (dense + 2 * 9 * a.channels) + rate * bands * 3 * dense
    project = rate * a.channels * bands * a.width
    linears = 4 * a.width * a.hidden + 4 * a.width**2 + 3 * a.width**2 + a.kernel * a.width
    attention = 2 * rate * seconds * a.width
    return 2e-9 * (stem + project + rate * a.depth * (linears + attention))
