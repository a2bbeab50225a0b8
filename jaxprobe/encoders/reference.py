"""A port against its original: hidden states that the authors' own code computed, from an npz."""

import dataclasses
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core import level
from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Encoder, compiled
from jaxprobe.encoders.contract import Outputs, run_exactly

_STATES = re.compile(r'(.+?)_(?:hidden_states|layer_.+)')
MASKS = ('len', 'mask', 'attention_mask')  # Keys that mark a case as padded.


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer of one reference case.

    Attributes:
        error: largest absolute difference; nan where shapes differ.
        rms: root mean square of the reference.
        scale: max(1, rms), or the reference's largest magnitude.
        limit: atol * scale.
        shape: theirs, or 'ours / theirs' where they differ.
    """

    case: str
    layer: str
    shape: str
    error: float
    rms: float
    scale: float
    limit: float

    @property
    def ok(self) -> bool:
        """Whether the error is within the limit (a nan is not)."""
        return self.error <= self.limit


class Reference(NamedTuple):
    """All compared layers, and the cases that were left out, each with its reason."""

    rows: tuple[Row, ...]
    skipped: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every layer is within its limit."""
        return all(row.ok for row in self.rows)

    @property
    def worst(self) -> float:
        """The largest error in units of its layer's scale: the `error` of a card's `Parity`."""
        return float(np.max([row.error / row.scale for row in self.rows]))


def compare(encoder: Encoder, io_npz: Path, atol: float = 5e-5, scale: str = 'rms') -> Reference:
    """Compares hidden states with those of the authors' code.

    Every wave is an item: where the card has the loader scale items, it is scaled here.

    Args:
        encoder: the port, with the weights the reference was computed with.
        io_npz: holds `<case>_wav` [B S] and `<case>_hidden_states` [L B T D], any number of
            cases; padded ones (called m, or with a mask or lengths beside them) are skipped.
            Where layers differ, `<case>_layer_<name>` [B T D] for any of them in its place.
        atol: a layer passes if no element is off by more than atol times the scale.
        scale: 'rms' for max(1, rms of the reference), as for transformers; 'max' for its largest
            magnitude, as for convolutional networks.

    Returns:
        A row per case and layer.

    Raises:
        ConfigError: the file is absent, is no npz, or has no case to compare.
    """
    arrays = _arrays(io_npz)
    cases = sorted({match[1] for key in arrays if (match := _STATES.fullmatch(key))})
    encode = compiled(encoder)
    rows, skipped = [], []
    for case in cases:
        reason = _unusable(case, arrays)
        if reason:
            skipped.append(f'{case}: {reason}')
            continue
        waves = _scaled(arrays[f'{case}_wav'], encoder.card)
        ours = run_exactly(encode, encoder.params, waves)
        rows += _rows(case, ours, _theirs(case, arrays, encoder.card), encoder.card, atol, scale)
    if not rows:
        raise ConfigError(
            f'reference={str(io_npz)!r} has no case to compare: it needs <case>_wav [B S] and '
            f'<case>_hidden_states [L B T D] or <case>_layer_<name> [B T D], and has '
            f'{", ".join(sorted(arrays)) or "nothing"}. '
            f'{" ".join(skipped)}'
        )
    return Reference(tuple(rows), tuple(skipped))


def _scaled(waves: np.ndarray, card: Card) -> np.ndarray:
    """Does to each row what the loader does to an item before `encode` sees its windows."""
    return np.stack([level.apply(np.asarray(row, np.float32), card.normalise) for row in waves])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise ConfigError(f'reference={str(path)!r}: there is no such file.')
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise ConfigError(f'reference={str(path)!r} cannot be read as an npz: {error}') from error


def _unusable(case: str, arrays: dict[str, np.ndarray]) -> str:
    """Why a case cannot be compared, or ''."""
    masks = [f'{case}_{mask}' for mask in MASKS if f'{case}_{mask}' in arrays]
    if masks:
        return f'padded ({", ".join(masks)}); an encoder has no padding mask, windows are exact'
    if case == 'm':
        return 'padded by its name; an encoder has no padding mask, windows are exact'
    if f'{case}_wav' not in arrays:
        return f'there is no {case}_wav beside its hidden states'
    states = arrays.get(f'{case}_hidden_states')
    if (
        arrays[f'{case}_wav'].ndim != 2
        or not arrays[f'{case}_wav'].size
        or (states is not None and states.ndim != 4)
    ):
        return 'its wave is not [B S], or its hidden states are not [L B T D]'
    return ''


def _theirs(
    case: str, arrays: dict[str, np.ndarray], card: Card
) -> Mapping[int, np.ndarray | None]:
    """The reference's states by depth: all of them, or those that are given by name."""
    names = [layer.name for layer in card.layers]
    stacked = arrays.get(f'{case}_hidden_states')
    if stacked is not None:
        depths = range(max(len(stacked), len(names)))
        return {i: stacked[i] if i < len(stacked) else None for i in depths}
    prefix = f'{case}_layer_'
    given = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ConfigError(f'{prefix}{unknown[0]}: no such layer. {suggest(unknown[0], names)}')
    return {names.index(name): states for name, states in given.items()}


def _rows(
    case: str,
    ours: Outputs,
    theirs: Mapping[int, np.ndarray | None],
    card: Card,
    atol: float,
    scale: str,
) -> list[Row]:
    rows = []
    for depth, given in sorted(theirs.items()):
        name = card.layers[depth].name if depth < len(card.layers) else f'layer {depth}'
        mine = ours[depth].shape if depth < len(ours) else 'nothing'
        other = 'nothing' if given is None else given.shape
        if mine != other:
            rows.append(Row(case, name, f'{mine} / {other}', *(np.nan,) * 4))
            continue
        states = np.asarray(given, np.float64)
        rms = float(np.sqrt(np.mean(states**2)))
        unit = max(1.0, rms) if scale == 'rms' else float(np.abs(states).max())
        unit = max(unit, 1e-30)  # A reference of zeros.
        error = float(np.abs(ours[depth] - states).max())
        rows.append(Row(case, name, str(other), error, rms, unit, atol * unit))
    return rows
