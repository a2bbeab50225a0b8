"""Scores of every cell of a bank from its item logits: what is stored, reported and verified.

Scores are kept to nine significant digits. Sums of floats differ in their last bits between
processors; nine digits do not, so `jaxprobe verify` can ask for equality.
"""

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from jaxprobe.core.errors import DataError
from jaxprobe.metrics import extra, kinds

DIGITS, DECIMALS = 9, 12


def tidy(value: float) -> float:
    """Rounds to nine significant digits, and to twelve decimals; nan and infinities pass.

    The decimals are for what would be zero in exact arithmetic, such as the spread of equals.
    """
    return float(f'{round(value, DECIMALS):.{DIGITS - 1}e}') + 0.0  # + 0.0: no negative zero.


def tidied(value: Any) -> Any:
    """Rounds every float of a JSON value by `tidy` and turns nan and infinities into None."""
    if isinstance(value, dict):
        return {str(key): tidied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidied(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return tidy(float(value)) if math.isfinite(value) else None


def cells(
    kind: str,
    metrics: Sequence[str],
    targets: Shaped[np.ndarray, 'N ...'],
    logits: Float[np.ndarray, 'P N C'],
    *,
    labels: Sequence[str] = (),
) -> dict[str, Float[np.ndarray, 'P']]:
    """Scores every cell with every metric of its task.

    Args:
        kind: 'multiclass', 'multilabel', 'regression' or 'key'.
        metrics: names, as `evaluate` of the kind's module returns them.
        targets: int [N], or [N C].
        logits: item logits of the cells.
        labels: names of the outputs.

    Returns:
        Metric -> one score per cell; nan where a cell's logits are not finite, and where a metric
        that was added is not defined for them.
    """
    scores = {metric: np.full(len(logits), np.nan) for metric in metrics}
    for p, cell in enumerate(logits):
        if np.isfinite(cell).all() and len(cell):
            found = one(kind, targets, cell, labels=labels)
            for name in kinds.added(kind, metrics, labels):
                with contextlib.suppress(ValueError):  # Hours were spent; others are defined.
                    found[name] = extra.metric(kind, name)(targets, cell.astype(np.float64))
            for metric in metrics:
                scores[metric][p] = tidy(found.get(metric, np.nan))
    return scores


def one(
    kind: str,
    targets: Shaped[np.ndarray, 'N ...'],
    logits: Float[np.ndarray, 'N C'],
    *,
    labels: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> dict[str, float]:
    """Scores one set of item logits with every metric of its kind, in float64.

    Args:
        kind: the kind of target.
        targets: int [N], or [N C].
        logits: of the items.
        labels: names of the outputs.
        metrics: of the task; those that are not its kind's own are computed as well.

    Raises:
        DataError: the targets cannot be scored, such as a split in which no tag both holds and
            fails to hold.
    """
    scores = logits.astype(np.float64)
    try:
        found = kinds.evaluate(kind, targets, scores, list(labels) or None)
        for name in kinds.added(kind, metrics, labels):
            found[name] = extra.metric(kind, name)(targets, scores)
        return found
    except ValueError as error:
        raise DataError(
            f'{len(targets)} items cannot be scored as {kind}: {error}. A split cut down by '
            f'`--config.limit` is often too small; raise it.'
        ) from error
