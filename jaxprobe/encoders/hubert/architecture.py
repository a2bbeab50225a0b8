"""The sizes of a HuBERT-like model: published, tiny, or read from a Hugging Face config.json.

The JSON is read as it is and never through transformers: AutoConfig knows no `mert_model` and
refuses music2vec's config, whose `vocab_size` is a path. Settings that neither this port nor any
published weights know are refused by name, not ignored.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import ConfigError


class Architecture(NamedTuple):
    """Everything that decides the shapes and the graph; the defaults are HuBERT base's."""

    channels: tuple[int, ...] = (512,) * 7  # Of the convolutions, layer by layer.
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_norm: str = 'group'  # 'group': over time, first layer only; 'layer': every layer.
    conv_bias: bool = False
    projection_norm: bool = True
    width: int = 768
    depth: int = 12
    heads: int = 12
    hidden: int = 3072  # Of the feed-forward modules.
    pre_norm: bool = False
    position_layers: int = 1  # Convolutions in a row; data2vec has five.
    position_taps: int = 128
    position_groups: int = 16
    epsilon: float = 1e-5


BASE = Architecture()
LARGE = BASE._replace(width=1024, depth=24, heads=16, hidden=4096, pre_norm=True)

ReadFn = Callable[[Mapping[str, Any], str], Architecture]  # (settings, their file) -> sizes.


def tiny(a: Architecture) -> Architecture:
    """A small model of the same graph.

    64 channels, since with fewer untrained filters the phase of a tone shows in the output.
    """
    return a._replace(
        channels=(64,) * len(a.channels),
        width=32,
        depth=2,
        heads=4,
        hidden=64,
        position_taps=min(16, a.position_taps),
        position_groups=4,
    )


def frames(a: Architecture, samples: int) -> int:
    """How many frames a wave of so many samples has; 0 where it is too short for one."""
    for taps, stride in zip(a.kernels, a.strides, strict=True):
        samples = (samples - taps) // stride + 1
    return max(samples, 0)


def hop(a: Architecture) -> int:
    """Samples from one frame to the next."""
    return math.prod(a.strides)


def field(a: Architecture) -> int:
    """Samples that the convolutions see behind one frame: the shortest wave they take."""
    samples = 1
    for taps, stride in zip(reversed(a.kernels), reversed(a.strides), strict=True):
        samples = (samples - 1) * stride + taps
    return samples


def gflop_per_second(a: Architecture, sample_rate: int, seconds: float) -> float:
    """Arithmetic per second of audio in windows of so many seconds, in 1e9 operations.

    A multiplication and its addition count as two; norms and activations are left out.
    """
    samples, inputs, total = round(sample_rate * seconds), 1, 0.0
    for channels, taps, stride in zip(a.channels, a.kernels, a.strides, strict=True):
        samples = (samples - taps) // stride + 1
        total += samples * taps * inputs * channels
        inputs = channels
    positions = a.position_layers * a.position_taps * a.width**2 / a.position_groups
    linears = 4 * a.width**2 + 2 * a.width * a.hidden
    attention = 2 * samples * a.width
    total += samples * (inputs * a.width + positions + a.depth * (linears + attention))
    return 2e-9 * total / seconds


def resolve(
    name: str, published: Architecture, sample_rate: int, arch: str, from_config: ReadFn
) -> Architecture:
    """Reads the config's `arch` for one encoder.

    Args:
        name: of the encoder, for messages.
        published: what '' means.
        sample_rate: of its card; a config that names another is refused.
        arch: '' for the published sizes, 'tiny', or the path of a config.json or its folder.
        from_config: reads the family's config.json.

    Raises:
        ConfigError: the file is absent, not such a config, or asks for what is not ported.
    """
    if arch in ('', 'tiny'):
        return tiny(published) if arch else published
    what = f'encoder.arch={arch!r}'
    config = read(Path(arch).expanduser(), what)
    check_rate(name, sample_rate, config.get('sample_rate'), what)
    return from_config(config, what)


def read(path: Path, what: str) -> dict[str, Any]:
    """Reads a JSON object: a file, or config.json in a folder.

    Raises:
        ConfigError: absent, unreadable, or no object.
    """
    path = path / 'config.json' if path.is_dir() else path
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigError(
            f"{what}: there is no file {path}. Give '' for the published architecture, 'tiny', or "
            f"the path of the model's config.json or its folder."
        ) from None
    except (ValueError, OSError) as error:
        raise ConfigError(f'{what} cannot be read as JSON: {error}') from error
    if not isinstance(config, dict):
        raise ConfigError(f'{what} holds {type(config).__name__}, not a JSON object of settings.')
    return config


def check_rate(name: str, expected: int, found: Any, what: str) -> None:
    """Holds a file's sample rate, where it names one, to the card's.

    Raises:
        ConfigError: it is another.
    """
    if found not in (None, expected):
        raise ConfigError(
            f'{what} says {found} Hz, and {name} hears {expected} Hz. Is it the file of a sister '
            f'model? MERT-v1 hears 24000 Hz, MERT-v0, HuBERT and music2vec 16000 Hz.'
        )


# Setting -> the only values ported. A config that leaves one out means the first.
# `attention_relax` of MERT-v1-330M is not here and is ignored: it shifts the softmax's argument
# by a constant, which changes nothing, and MERT's own class reads it in its deepnorm branch only.
PORTED: dict[str, tuple[Any, ...]] = {
    'model_type': ('hubert', 'mert_model', 'music_hubert'),
    'hidden_act': ('gelu',),
    'feat_extract_activation': ('gelu',),
    'feat_extract_norm': ('group', 'layer'),
    'deepnorm': (False,),
    'feature_extractor_cqt': (False,),
    'conv_pos_batch_norm': (False,),
    'add_adapter': (False,),
    'adapter_attn_dim': (None,),
}


def from_config(config: Mapping[str, Any], what: str) -> Architecture:
    """Reads the settings of HubertConfig or MERTConfig; what is left out has their defaults.

    Raises:
        ConfigError: a setting is not ported or makes no sense.
    """
    refuse(config, PORTED, what)
    return checked(
        common(config, what)._replace(
            conv_norm=config.get('feat_extract_norm', 'group'),
            projection_norm=bool(config.get('feat_proj_layer_norm', True)),
            pre_norm=bool(config.get('do_stable_layer_norm', False)),
            position_taps=size(config, 'num_conv_pos_embeddings', BASE.position_taps, what),
        ),
        what,
    )


def refuse(config: Mapping[str, Any], ported: Mapping[str, tuple[Any, ...]], what: str) -> None:
    """Refuses settings that the port does not know, all of them in one error.

    Raises:
        ConfigError: there are some.
    """
    strange = [
        f'{key}={config[key]!r} (ported: {" or ".join(map(repr, values))})'
        for key, values in ported.items()
        if key in config and config[key] not in values
    ]
    if strange:
        raise ConfigError(f'{what} asks for {"; ".join(strange)}.')


def common(config: Mapping[str, Any], what: str) -> Architecture:
    """What HuBERT's and data2vec's configs say under the same names.

    Raises:
        ConfigError: a size is no positive integer.
    """
    return Architecture(
        channels=sizes(config, 'conv_dim', BASE.channels, what),
        kernels=sizes(config, 'conv_kernel', BASE.kernels, what),
        strides=sizes(config, 'conv_stride', BASE.strides, what),
        conv_bias=bool(config.get('conv_bias', False)),
        width=size(config, 'hidden_size', BASE.width, what),
        depth=size(config, 'num_hidden_layers', BASE.depth, what),
        heads=size(config, 'num_attention_heads', BASE.heads, what),
        hidden=size(config, 'intermediate_size', BASE.hidden, what),
        position_groups=size(config, 'num_conv_pos_embedding_groups', BASE.position_groups, what),
        epsilon=float(config.get('layer_norm_eps', BASE.epsilon)),
    )


def size(config: Mapping[str, Any], key: str, default: int, what: str) -> int:
    """One size of a config.

    Raises:
        ConfigError: no positive integer.
    """
    found = config.get(key, default)
    if type(found) is not int or found < 1:
        raise ConfigError(f'{what}: {key}={found!r} is not a positive integer.')
    return found


def sizes(
    config: Mapping[str, Any], key: str, default: tuple[int, ...], what: str
) -> tuple[int, ...]:
    """A list of sizes of a config.

    Raises:
        ConfigError: no list of positive integers.
    """
    found = config.get(key, default)
    if not isinstance(found, list | tuple) or not all(type(n) is int and n > 0 for n in found):
        raise ConfigError(f'{what}: {key}={found!r} is not made of positive integers.')
    return tuple(found)


def checked(a: Architecture, what: str) -> Architecture:
    """The architecture, if its numbers fit together.

    Raises:
        ConfigError: they do not.
    """
    counts = {len(a.channels), len(a.kernels), len(a.strides)}
    faults = {
        f'conv_dim, conv_kernel and conv_stride have {counts} entries': len(counts) > 1,
        f'hidden_size {a.width} is no multiple of {a.heads} heads': a.width % a.heads != 0,
        f'hidden_size {a.width} is no multiple of {a.position_groups} groups of positions': (
            a.width % a.position_groups != 0
        ),
    }
    found = [fault for fault, there in faults.items() if there]
    if found:
        raise ConfigError(f'{what}: {"; ".join(found)}.')
    return a
