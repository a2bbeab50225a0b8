"""Builds and runs a model with the interface of HEAR 2021; its card is made by `external.hear`.

`load_model(path)` gives a module with `sample_rate`, `timestamp_embedding_size` and
`scene_embedding_size`; `get_timestamp_embeddings(audio [B S], model)` gives embeddings [B T D]
and timestamps [B T] in milliseconds, `get_scene_embeddings(audio, model)` one vector per row.
Source: hearbenchmark.com/hear-api.html, with which hearbaseline, hear21passt and others agree.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import external_torch
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.external import TorchCard
from jaxprobe.encoders.external_settings import evaluating, readable

FUNCTIONS = ('load_model', 'get_timestamp_embeddings', 'get_scene_embeddings')
PAGE = 'https://hearbenchmark.com/hear-api.html'


def build(
    found: Card,
    *,
    weights: str,
    arch: str,
    dtype: str,
    seed: int,
    options: Mapping[str, Any],
) -> Encoder:
    """Builds a HEAR model; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: torch or the package is absent, its interface is not HEAR's, or the model's
            rate or sizes are not those of the card.
    """
    torch, found = external_torch.torch_of(found), external_torch.torch_card(found, arch)
    device = external_torch.device_of(torch, found, options)
    if weights == 'random':
        raise ConfigError(
            f'encoder {found.name}: HEAR has no way to ask for an untrained model. Leave '
            f'encoder.weights empty, or give the path that load_model takes.'
        )
    with evaluating(torch, device, seed), readable(found, 'its HEAR model cannot be loaded'):
        package = _imported(found)
        model = package.load_model(weights or found.path)
        _check_hear(torch, found, model)
        known = external_torch.identity(torch, model, None, package.__name__)
        external_torch.freeze(torch, model, device)

    def states(wave: Any) -> list[Any]:
        named = {}
        if any(layer.name == 'timestamp' for layer in found.layers):
            named['timestamp'], times = package.get_timestamp_embeddings(wave, model)
            _check_times(found, named['timestamp'], times)
        if any(layer.name == 'scene' for layer in found.layers):
            named['scene'] = package.get_scene_embeddings(wave, model)[:, None]
        return [named[layer.name] for layer in found.layers]

    return external_torch.encoder(torch, found, states, known, device, dtype)


def _imported(found: TorchCard) -> Any:
    try:
        package = importlib.import_module(found.module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'encoder {found.name}: module {error.name!r} cannot be imported. Is the HEAR package '
            f'installed in this environment?'
        ) from error
    absent = [name for name in FUNCTIONS if not callable(getattr(package, name, None))]
    if absent:
        raise ConfigError(
            f'encoder {found.name}: {found.module} has no {", ".join(absent)}; the interface is '
            f'described at {PAGE}. A package often has it in a submodule.'
        )
    return package


def _check_hear(torch: Any, found: TorchCard, model: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ConfigError(
            f'encoder {found.name}: load_model of {found.module} gave a {type(model).__module__}.'
            f'{type(model).__name__}; only HEAR models in torch can be run.'
        )
    sizes = {layer.name: layer.width for layer in found.layers}
    said = {
        'sample_rate': found.sample_rate,
        'timestamp_embedding_size': sizes.get('timestamp'),
        'scene_embedding_size': sizes.get('scene'),
    }
    other = [
        f'{name} is {getattr(model, name, "absent")}, the card says {value}'
        for name, value in said.items()
        if value is not None and getattr(model, name, None) != value
    ]
    if other:
        raise ConfigError(
            f'encoder {found.name}: the card is not that of the model: {"; ".join(other)}.'
        )


def _check_times(found: TorchCard, states: Any, times: Any) -> None:
    """Timestamps are [B T] in milliseconds, as far apart as the card's frame rate says."""
    if tuple(times.shape) != tuple(states.shape[:2]):
        raise ConfigError(
            f'encoder {found.name}: embeddings of shape {tuple(states.shape)} came with '
            f'timestamps of shape {tuple(times.shape)}; they are [B T D] and [B T].'
        )
    if times.shape[1] < 3:
        return
    rate = 1000.0 / float(times[0].double().diff().median())
    if abs(rate - found.frame_rate) > 0.02 * found.frame_rate:
        raise ConfigError(
            f'encoder {found.name}: its timestamps come {rate:.3f} times a second, the card says '
            f'frame_rate={found.frame_rate}.'
        )
