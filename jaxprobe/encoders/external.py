"""Cards of a user's own torch encoders: any `nn.Module`, any package with HEAR's interface.

A module that holds such a card can be listed without torch; `external_torch` builds and runs it.
A dotted path (`--config.encoder.name=my_pkg.my_model:CARD`) or an entry point of the group
`jaxprobe.encoders` makes the card known; CONTRIBUTING has an example of each.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Layer, WeightsRef
from jaxprobe.encoders.options import Option

DEVICE = Option('device', 'cpu', ('cpu', 'cuda'), 'where torch runs the model')

_AXES = (sorted('BTD'), sorted('BD'))


@dataclasses.dataclass(frozen=True)
class Tap:
    """One probe point of a torch module.

    Attributes:
        name: of the layer, in tables.
        width: D.
        at: dotted name of the submodule whose output is meant (its first tensor, where it returns
            several); '' takes it from what the module itself returns: the entry of this name of
            a dict, else the next of a list or tuple.
        axes: of that tensor: 'BTD', 'BDT', 'TBD', or 'BD' for one vector per window.
    """

    name: str
    width: int
    at: str = ''
    axes: str = 'BTD'


@dataclasses.dataclass(frozen=True, kw_only=True)
class TorchCard(Card):
    """A card that says where the torch module comes from.

    Attributes:
        module: for `torch_module`, the dotted path of an `nn.Module`, of its class, or of a
            function that returns one; for `hear`, the name of a Python module.
        taps: one per layer, in the same order; () for HEAR.
        path: for `hear`, what `load_model` is given where the config names no weights.
    """

    module: str
    taps: tuple[Tap, ...] = ()
    path: str = ''


def torch_module(
    *,
    name: str,
    module: str,
    sample_rate: int,
    window_seconds: float,
    frame_rate: float,
    taps: Sequence[Tap] | Tap,
    mix: Sequence[str] | None = None,
    min_seconds: float = 0.0,
    **more: Any,
) -> TorchCard:
    """Describes a torch module that takes waves [B S] and has layers to probe.

    Args:
        name: of the encoder, in tables and folders.
        module: dotted path of an `nn.Module`, of its class, or of a function that returns one.
            A function with an argument `weights` is given `--config.encoder.weights` ('' where
            that is empty, 'random' for an untrained control, else a path); otherwise a path is
            read here, and loaded as a whole state dict.
        sample_rate: Hz.
        window_seconds: the default window.
        frame_rate: frames per second of the layers that have frames.
        taps: where the layers are.
        mix: names of the layers of the learned weighted sum; None means all that have frames
            where these have one width.
        min_seconds: of the shortest window the module can take; 0 means the default window.
        **more: other fields of `jaxprobe.encoders.base.Card`: licences, citation, ...

    Raises:
        ConfigError: the description contradicts itself.
    """
    taps = (taps,) if isinstance(taps, Tap) else tuple(taps)
    wrong = [f'{t.name}: axes={t.axes!r}' for t in taps if sorted(t.axes) not in _AXES]
    if wrong:
        raise ConfigError(
            f'encoder {name}: {"; ".join(wrong)}: axes name each of B (rows), T (frames) and D '
            f"(width) once, such as 'BTD' or 'BDT', or are 'BD'."
        )
    layers = tuple(Layer(tap.name, tap.width, frames='T' in tap.axes) for tap in taps)
    return _card(
        layers,
        mix,
        name=name,
        module=module,
        sample_rate=sample_rate,
        window_seconds=window_seconds,
        min_seconds=min_seconds,
        frame_rate=frame_rate,
        taps=taps,
        build='jaxprobe.encoders.external_torch:build',
        **more,
    )


def hear(
    *,
    name: str,
    module: str,
    sample_rate: int,
    window_seconds: float,
    timestamp_size: int = 0,
    scene_size: int = 0,
    frame_rate: float = 20.0,
    path: str = '',
    min_seconds: float = 0.0,
    **more: Any,
) -> TorchCard:
    """Describes a package with the interface of HEAR 2021 (hearbenchmark.com/hear-api.html).

    Args:
        name: of the encoder, in tables and folders.
        module: name of the Python module that has `load_model`, `get_timestamp_embeddings` and
            `get_scene_embeddings`, such as 'hearbaseline.wav2vec2'.
        sample_rate: Hz; the model's own `sample_rate` has to be the same.
        window_seconds: the default window.
        timestamp_size: its `timestamp_embedding_size`; 0 leaves the layer 'timestamp' out.
        scene_size: its `scene_embedding_size`; 0 leaves the layer 'scene' out.
        frame_rate: timestamps per second.
        path: what `load_model` is given where the config names no weights.
        min_seconds: of the shortest window the model can take; 0 means the default window.
        **more: other fields of `jaxprobe.encoders.base.Card`: licences, citation, ...

    Raises:
        ConfigError: there is no layer.
    """
    sizes = {'timestamp': timestamp_size, 'scene': scene_size}
    layers = tuple(Layer(k, size, frames=k == 'timestamp') for k, size in sizes.items() if size)
    return _card(
        layers,
        (),
        name=name,
        module=module,
        sample_rate=sample_rate,
        window_seconds=window_seconds,
        min_seconds=min_seconds,
        frame_rate=frame_rate,
        path=path,
        build='jaxprobe.encoders.external_hear:build',
        **more,
    )


def _card(
    layers: tuple[Layer, ...],
    mix: Sequence[str] | None,
    *,
    name: str,
    module: str,
    sample_rate: int,
    window_seconds: float,
    min_seconds: float,
    **fields: Any,
) -> TorchCard:
    names = [layer.name for layer in layers]
    if not layers or len(set(names)) < len(names):
        raise ConfigError(f'encoder {name}: it needs layers, each of another name; got {names}.')
    if mix is None:
        framed = [layer for layer in layers if layer.frames]
        alike = len(framed) > 1 and len({layer.width for layer in framed}) == 1
        mix = [layer.name for layer in framed] if alike else []
    strange = [one for one in mix if one not in names]
    if strange:
        raise ConfigError(f'encoder {name}: mix={strange}: no such layer. {suggest("", names)}')
    samples = round(window_seconds * sample_rate)
    defaults: dict[str, Any] = {
        'title': f'{module} (torch)',
        'receptive_field': 0.0,
        'short': 'repeat',
        'weights': WeightsRef(kind='none', source=module),
        'code_licence': 'not stated',
        'weights_licence': 'not stated',
        'training_data': 'not stated',
        'citation': '',
        'homepage': '',
        'gflop_per_second': 0.0,
        'status': "works (the user's own, torch)",
    }
    known = {field.name for field in dataclasses.fields(TorchCard)}
    unknown = [field for field in fields if field not in known]
    if unknown:
        raise ConfigError(
            f'encoder {name}: a card has no field {unknown[0]!r}. {suggest(unknown[0], known)}'
        )
    return TorchCard(
        name=name,
        module=module,
        sample_rate=sample_rate,
        layers=layers,
        mix=tuple(names.index(one) for one in mix),
        window_seconds=samples / sample_rate,
        window_samples=samples,
        min_samples=round(min_seconds * sample_rate) or samples,
        options=(DEVICE,),
        **(defaults | fields),
    )
