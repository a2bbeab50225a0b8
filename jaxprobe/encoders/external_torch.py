"""Builds and runs a user's own torch encoder; its card is made by `encoders.external`.

The one file of the program that knows torch, and only while such an encoder is built or run.

The encoder runs on the host (`Encoder.host`): a callback from a compiled jax program waits for a
copy that the same threads would have to make, for ever on a machine with one core
(`tests/encoders/external_torch_test.py` has the case).
"""

import contextlib
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, WeightsError, suggest
from jaxprobe.core.registry import load_path
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.external import Tap, TorchCard
from jaxprobe.encoders.external_settings import evaluating, readable
from jaxprobe.encoders.loading import checkpoint
from jaxprobe.encoders.loading.identity import tensors_sha256

Waves = Float[np.ndarray, 'B S']
States = tuple[Float[np.ndarray, 'B _ _'], ...]


def build(
    found: Card,
    *,
    weights: str,
    arch: str,
    dtype: str,
    seed: int,
    options: Mapping[str, Any],
) -> Encoder:
    """Builds the torch module of a card; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: torch is absent, the module cannot be built, or the device is not there.
        WeightsError: a checkpoint was given that does not fit the module.
    """
    torch, found = torch_of(found), torch_card(found, arch)
    device = device_of(torch, found, options)
    with evaluating(torch, device, seed), readable(found, 'its module cannot be built'):
        module = _module(torch, found, weights)
        drawn = seed if weights == 'random' else None
        known = identity(torch, module, drawn, found.module.partition(':')[0])
        freeze(torch, module, device)
        missing = [tap.at for tap in found.taps if tap.at and not _has(module, tap.at)]
        if missing:
            names = [name for name, _ in module.named_modules() if name]
            raise ConfigError(
                f'encoder {found.name}: {type(module).__name__} has no submodule {missing[0]!r}. '
                f'{suggest(missing[0], names)}'
            )

    def states(wave: Any) -> list[Any]:
        return _tapped(torch, found, module, wave)

    described = of_weights(found, known, weights) if drawn is not None else found
    return encoder(torch, described, states, known, device, dtype)


def encoder(
    torch: Any,
    found: TorchCard,
    states: Callable[[Any], list[Any]],
    identity: str,
    device: Any,
    dtype: str,
) -> Encoder:
    """Wraps a function of torch tensors, [B S] -> one [B T D] per layer, as an encoder."""
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=dtype == 'bfloat16')

    def encode(params: Any, wave: Waves) -> States:
        del params  # They are in the module.
        asked = tuple(wave.shape)
        with (
            evaluating(torch, device, 0),
            readable(found, f'it failed on a wave of shape {asked}'),
            torch.inference_mode(),
            autocast,
        ):
            given = torch.tensor(np.asarray(wave, np.float32), device=device)
            outputs = [
                _checked(found, layer, state, asked[0])
                for layer, state in zip(found.layers, states(given), strict=True)
            ]
            return tuple(out.to(torch.float32).cpu().contiguous().numpy() for out in outputs)

    return Encoder(found, {}, encode, identity, host=True)


def _checked(found: TorchCard, layer: Layer, state: Any, rows: int) -> Any:
    shape = tuple(getattr(state, 'shape', ()))
    if len(shape) != 3 or shape[0] != rows or shape[2] != layer.width:
        raise ConfigError(
            f'encoder {found.name}: layer {layer.name!r} came as {shape or type(state).__name__} '
            f'(as rows, frames, width) for {rows} rows; its card says ({rows}, T, {layer.width}). '
            f'Mend width or axes on the card.'
        )
    return state


def _tapped(torch: Any, found: TorchCard, module: Any, wave: Any) -> list[Any]:
    """Runs the module once and brings what its taps see to [B T D]."""
    caught: dict[str, list[Any]] = {tap.at: [] for tap in found.taps if tap.at}
    with contextlib.ExitStack() as hooks:
        for at, seen in caught.items():

            def keep(_module: Any, _given: Any, out: Any, seen: list[Any] = seen) -> None:
                seen.append(out)

            hooks.callback(module.get_submodule(at).register_forward_hook(keep).remove)
        returned = module(wave)
    for at, seen in caught.items():
        if len(seen) != 1:
            raise ConfigError(
                f'encoder {found.name}: submodule {at!r} ran {len(seen)} times in one forward '
                f'pass; a layer is the output of one that runs once. Tap another, or let the '
                f'module return this state.'
            )
    own = [tap for tap in found.taps if not tap.at]
    values = _returned(torch, found, own, returned) if own else {}
    values |= {tap.name: _first(torch, caught[tap.at][0]) for tap in found.taps if tap.at}
    return [_as_btd(found, tap, values[tap.name]) for tap in found.taps]


def _returned(torch: Any, found: TorchCard, taps: list[Tap], returned: Any) -> dict[str, Any]:
    """What the module returned, by the name of the layer."""
    if isinstance(returned, Mapping):
        absent = [tap.name for tap in taps if tap.name not in returned]
        if absent:
            raise ConfigError(
                f'encoder {found.name}: the dict its module returned has no {absent[0]!r}. '
                f'{suggest(absent[0], [str(key) for key in returned])}'
            )
        return {tap.name: returned[tap.name] for tap in taps}
    entries = [returned] if isinstance(returned, torch.Tensor) else list(returned)
    if len(entries) != len(taps):
        raise ConfigError(
            f'encoder {found.name}: its module returned {len(entries)} states and its card has '
            f'{len(taps)} taps without a submodule: {", ".join(tap.name for tap in taps)}.'
        )
    return {tap.name: entry for tap, entry in zip(taps, entries, strict=True)}


def _first(torch: Any, out: Any) -> Any:
    """A submodule's output, or the first tensor of several."""
    if isinstance(out, torch.Tensor):
        return out
    entries = out.values() if isinstance(out, Mapping) else out
    return next(entry for entry in entries if isinstance(entry, torch.Tensor))


def _as_btd(found: TorchCard, tap: Tap, state: Any) -> Any:
    shape = tuple(getattr(state, 'shape', ()))
    if len(shape) != len(tap.axes):
        raise ConfigError(
            f'encoder {found.name}: layer {tap.name!r} came as {shape or type(state).__name__}, '
            f'its axes are {tap.axes!r}.'
        )
    state = state.permute(*(tap.axes.index(axis) for axis in 'BTD' if axis in tap.axes))
    return state if 'T' in tap.axes else state[:, None]


def _module(torch: Any, found: TorchCard, weights: str) -> Any:
    """Makes the module that the card names, with the weights that the config names."""
    made = load_path(found.module, 'encoder')
    takes = not isinstance(made, torch.nn.Module) and 'weights' in _parameters(made)
    module = made
    if takes:
        module = made(weights=weights)
    elif not isinstance(made, torch.nn.Module):
        module = made()
    if not isinstance(module, torch.nn.Module):
        raise ConfigError(
            f'encoder {found.name}: {found.module} gave a {type(module).__name__}, not a '
            f'torch.nn.Module.'
        )
    if takes or not weights:
        return module
    if weights == 'random':
        raise ConfigError(
            f'encoder {found.name}: whether {found.module} loads weights by itself cannot be '
            f"known here, so weights='random' needs it to take an argument `weights`, which is "
            f"'' (your own default), 'random' or a path."
        )
    return _filled(torch, found, module, Path(weights).expanduser())


def _parameters(made: Any) -> Iterable[str]:
    try:
        return inspect.signature(made).parameters
    except (TypeError, ValueError):
        return ()


def _filled(torch: Any, found: TorchCard, module: Any, path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f'encoder {found.name}: there is no file {path}.')
    tensors = {k: torch.from_numpy(np.array(v)) for k, v in checkpoint.read(path).items()}
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:  # It lists every missing, unexpected and mis-shaped tensor.
        raise WeightsError(f'encoder {found.name}: {path} does not fit: {error}') from error
    return module


def torch_of(found: Card) -> Any:
    """Imports torch; the rest of the program hands it on as an argument."""
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            f'encoder {found.name} runs in torch, which cannot be imported ({error}): '
            f"pip install 'jaxprobe[torch]'."
        ) from error
    return torch


def torch_card(found: Card, arch: str) -> TorchCard:
    """The card, if it is one of `encoders.external`; there is no choice of architecture."""
    if not isinstance(found, TorchCard):
        raise ConfigError(
            f'encoder {found.name}: its card is made by external.torch_module or .hear, or names '
            f'another `build`.'
        )
    if arch:
        raise ConfigError(
            f'encoder.arch={arch!r}: {found.name} is a torch module, whose architecture is what '
            f'{found.module} makes. Leave arch empty.'
        )
    return found


def device_of(torch: Any, found: Card, options: Mapping[str, Any]) -> Any:
    """The torch device that the options name."""
    if options['device'] == 'cuda' and not torch.cuda.is_available():
        raise ConfigError(
            f'encoder {found.name}: option device=cuda, but torch {torch.__version__} sees no CUDA '
            f'device. Leave the option out to run on the CPU.'
        )
    return torch.device(options['device'])


def freeze(torch: Any, module: Any, device: Any) -> None:
    """Evaluation mode, no gradients, on its device; half-precision checkpoints in float32."""
    module.eval()
    module.requires_grad_(False)
    held = [*module.parameters(), *module.buffers()]
    if any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in held):
        module.float()
    module.to(device)


def _has(module: Any, at: str) -> bool:
    return at in {name for name, _ in module.named_modules()}


def identity(torch: Any, module: Any, seed: int | None, origin: str) -> str:
    """The tensors' hash (or the seed), and that of the source files that make the numbers.

    Of the source, the files of the module `origin` and of the classes of all submodules count,
    but not torch's own; what those files import is not seen.
    """
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    weights = f'random-{seed}' if seed is not None else _tensors(torch, tensors)
    modules = {type(part).__module__ for part in module.modules()} | {origin}
    digest = hashlib.sha256()
    for name in sorted(name for name in modules if name.partition('.')[0] != 'torch'):
        file = getattr(sys.modules.get(name), '__file__', None)
        if file and Path(file).is_file():
            digest.update(f'{name} {fs.sha256(Path(file))}\n'.encode())
    return f'{weights}-{digest.hexdigest()[:16]}'


def _tensors(torch: Any, tensors: Mapping[str, Any]) -> str:
    """The identity of torch tensors of any type, through their bytes."""
    return tensors_sha256(
        {
            f'{name} {tensor.dtype} {tuple(tensor.shape)}': (
                tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
            )
            for name, tensor in tensors.items()
        }
    )
