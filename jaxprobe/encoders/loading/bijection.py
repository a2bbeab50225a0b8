"""A checkpoint fills a model completely, or not at all.

Every tensor of the file is used by the model or is on the list of dropped ones with its
reason, and every leaf of the model is filled; anything else is one error that names all of it.
A loader that skips what it does not know turns a wrong file into a model that runs and
measures nothing.
"""

import fnmatch
from collections.abc import Callable, Mapping

import numpy as np

from jaxprobe.core.errors import WeightsError

Shape = tuple[int, ...]
Theirs = str | tuple[str, ...]
# What turns their tensor (or tensors, in the order named) into ours; None takes it as it is.
Transform = Callable[..., np.ndarray] | None

SHOWN = 40  # Names listed per kind of mismatch; the rest are counted.


def fill(
    template: Mapping[str, Shape],
    tensors: Mapping[str, np.ndarray],
    mapping: Mapping[str, tuple[Theirs, Transform]],
    dropped: Mapping[str, str],
    source: str,
    looks_like: Callable[[Mapping[str, np.ndarray]], str | None] | None = None,
) -> dict[str, np.ndarray]:
    """Renames a checkpoint's tensors into a model's, and proves that nothing is left over.

    Args:
        template: our name -> the shape the model needs; the keys of `mapping`, exactly.
        tensors: their name -> tensor, everything the checkpoint holds.
        mapping: our name -> (their name, transform). A tuple of their names hands several
            tensors to the transform, in that order (a weight norm's direction and size).
        dropped: glob pattern of their names -> why the model does not need them.
        source: what the user knows the file by; opens the error message.
        looks_like: names the model a mismatched checkpoint seems to belong to, or None.

    Returns:
        Our name -> array, in the order of `template`, each of the template's shape.

    Raises:
        WeightsError: tensors are missing, unexpected or mis-shaped; one message, all of them.
        ValueError: `mapping` and `template` name different leaves (a fault of the port).
    """
    if set(template) != set(mapping):
        raise ValueError(f'mapping and template differ: {sorted(set(template) ^ set(mapping))}')
    used = {name for theirs, _ in mapping.values() for name in _names(theirs)}
    filled, shapes = {}, []
    for ours, shape in template.items():
        theirs, transform = mapping[ours]
        if not all(name in tensors for name in _names(theirs)):
            continue
        parts = [tensors[name] for name in _names(theirs)]
        array = _transformed(parts, transform)
        if array is None or array.shape != tuple(shape):
            shapes.append(_shape_line(_names(theirs), parts, ours, array, tuple(shape)))
        else:
            filled[ours] = array
    missing = sorted(
        f'{name} (for {ours} {tuple(template[ours])})'
        for ours, (theirs, _) in mapping.items()
        for name in _names(theirs)
        if name not in tensors
    )
    unexpected = sorted(
        f'{name} {tuple(tensors[name].shape)}'
        for name in tensors
        if name not in used and not any(fnmatch.fnmatchcase(name, p) for p in dropped)
    )
    if missing or unexpected or shapes:
        raise WeightsError(
            _message(source, tensors, missing, unexpected, sorted(shapes), looks_like)
        )
    return filled


def _names(theirs: Theirs) -> tuple[str, ...]:
    return (theirs,) if isinstance(theirs, str) else theirs


def _transformed(parts: list[np.ndarray], transform: Transform) -> np.ndarray | None:
    """Applies a transform; None where the tensors' ranks do not even admit it."""
    if transform is None:
        return np.asarray(parts[0])
    try:
        return np.asarray(transform(*parts))
    except (ValueError, IndexError, TypeError):
        return None


def _shape_line(
    names: tuple[str, ...],
    parts: list[np.ndarray],
    ours: str,
    array: np.ndarray | None,
    wanted: Shape,
) -> str:
    theirs = ' with '.join(f'{name} {part.shape}' for name, part in zip(names, parts, strict=True))
    become = '' if array is None else f' gives {array.shape}'
    return f'{theirs}{become}, but {ours} needs {wanted}'


def _message(
    source: str,
    tensors: Mapping[str, np.ndarray],
    missing: list[str],
    unexpected: list[str],
    shapes: list[str],
    looks_like: Callable[[Mapping[str, np.ndarray]], str | None] | None,
) -> str:
    seen = looks_like(tensors) if looks_like else None
    lines = [f'{source} does not fit this model.']
    if seen:
        lines.append(f'It looks like {seen}.')
    kinds = (('missing', missing), ('unexpected', unexpected), ('of another shape', shapes))
    for kind, entries in kinds:
        if entries:
            more = f'\n  and {len(entries) - SHOWN} more' if len(entries) > SHOWN else ''
            listed = ''.join(f'\n  {entry}' for entry in entries[:SHOWN])
            lines.append(f'{len(entries)} {kind}:{listed}{more}')
    lines.append(f'The file holds {len(tensors)} tensors. Is it the file of this very model?')
    return '\n'.join(lines)
