"""A port against its original: hidden states that the authors' own code computed, from an npz."""

import dataclasses
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder, compiled
from jaxprobe.encoders.contract import Outputs, run_exactly

MASKS = ('len', 'mask', 'attention_mask')  # Keys that mark a case as padded.


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer of one reference case.

    Attributes:
        error: largest absolute difference; nan where shapes differ.
        rms: root mean square of the reference.
        limit: atol * max(1, rms).
        shape: theirs, or 'ours / theirs' where they differ.
    """

    case: str
    layer: str
    shape: str
    error: float
    rms: float
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


def compare(encoder: Encoder, io_npz: Path, atol: float = 5e-5) -> Reference:
    """Compares hidden states with those of the authors' code.

    Args:
        encoder: the port, with the weights the reference was computed with.
        io_npz: holds `<case>_wav` [B S] and `<case>_hidden_states` [L B T D], any number of
            cases; padded ones (called m, or with a mask or lengths beside them) are skipped.
        atol: a layer passes if no element is off by more than atol * max(1, rms(reference)).

    Returns:
        A row per case and layer.

    Raises:
        ConfigError: the file is absent, is no npz, or has no case to compare.
    """
    arrays = _arrays(io_npz)
    cases = sorted({k[: -len('_hidden_states')] for k in arrays if k.endswith('_hidden_states')})
    encode = compiled(encoder)
    rows, skipped = [], []
    for case in cases:
        reason = _unusable(case, arrays)
        if reason:
            skipped.append(f'{case}: {reason}')
            continue
        ours = run_exactly(encode, encoder.params, np.asarray(arrays[f'{case}_wav'], np.float32))
        rows += _rows(case, ours, arrays[f'{case}_hidden_states'], encoder.card, atol)
    if not rows:
        raise ConfigError(
            f'reference={str(io_npz)!r} has no case to compare: it needs <case>_wav [B S] and '
            f'<case>_hidden_states [L B T D], and has {", ".join(sorted(arrays)) or "nothing"}. '
            f'{" ".join(skipped)}'
        )
    return Reference(tuple(rows), tuple(skipped))


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
    if arrays[f'{case}_wav'].ndim != 2 or arrays[f'{case}_hidden_states'].ndim != 4:
        return 'its wave is not [B S], or its hidden states are not [L B T D]'
    return ''


def _rows(case: str, ours: Outputs, theirs: np.ndarray, card: Card, atol: float) -> list[Row]:
    rows = []
    for depth in range(max(len(ours), len(theirs))):
        name = card.layers[depth].name if depth < len(card.layers) else f'layer {depth}'
        mine = ours[depth].shape if depth < len(ours) else 'nothing'
        other = theirs[depth].shape if depth < len(theirs) else 'nothing'
        if mine != other:
            rows.append(Row(case, name, f'{mine} / {other}', np.nan, np.nan, np.nan))
            continue
        states = np.asarray(theirs[depth], np.float64)
        rms = float(np.sqrt(np.mean(states**2)))
        error = float(np.abs(ours[depth] - states).max())
        rows.append(Row(case, name, str(other), error, rms, atol * max(1.0, rms)))
    return rows
