"""Metrics of items that count several times: what a bootstrap draw leaves of a test set.

Conventions
-----------
Each function takes the targets and the item scores of one probe and returns a function of
weights `[N B]` (whole numbers; B draws at once) -> `[B]`. With weights of one it is the metric of
`jaxprobe.metrics`; with weight k it is that metric with the item repeated k times, ties included.
nan where a draw leaves the metric undefined. Everything that does not depend on the draw is done
once, outside the returned function.

Metrics
-------
`macro_f1`; `roc_auc` and `ap` (macro over tags); `r2` (uniform mean over outputs) and one output
of it. Metrics that are means over items need none of this: see `bootstrap.means`. For any other
metric, `repeated` repeats the items and asks the metric itself.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, Shaped

Weights = Float[np.ndarray, 'N B']
Draws = Float[np.ndarray, 'B']
Weighted = Callable[[Weights], Draws]


def macro_f1(targets: Int[np.ndarray, 'N'], logits: Float[np.ndarray, 'N C']) -> Weighted:
    """Mean F1 over the classes that occur in the drawn targets or predictions."""
    outputs = logits.shape[1]
    predicted = logits.argmax(axis=1)
    truth, guess = _one_hot(targets, outputs), _one_hot(predicted, outputs)
    columns = np.concatenate([truth * guess, truth + guess], axis=1)  # [N 2C]

    def metric(weights: Weights) -> Draws:
        sums = weights.T.astype(np.float64) @ columns
        hits, either = sums[:, :outputs], sums[:, outputs:]
        f1 = np.divide(2 * hits, either, out=np.full_like(hits, np.nan), where=either > 0)
        return _mean_defined(f1)

    return metric


def roc_auc(targets: Shaped[np.ndarray, 'N C'], logits: Float[np.ndarray, 'N C']) -> Weighted:
    """Macro area under the ROC curve over the tags that hold and fail to hold in the draw."""
    return _macro([_roc_auc(targets[:, c] > 0, logits[:, c]) for c in range(targets.shape[1])])


def ap(targets: Shaped[np.ndarray, 'N C'], logits: Float[np.ndarray, 'N C']) -> Weighted:
    """Macro average precision over the tags that hold in the draw."""
    return _macro([_ap(targets[:, c] > 0, logits[:, c]) for c in range(targets.shape[1])])


def r2(
    targets: Float[np.ndarray, 'N C'],
    logits: Float[np.ndarray, 'N C'],
    output: int | None = None,
) -> Weighted:
    """Coefficient of determination: mean over outputs, or of one output."""
    chosen = slice(None) if output is None else slice(output, output + 1)
    truth = targets[:, chosen].astype(np.float64)
    truth = truth - truth.mean(axis=0, keepdims=True)  # Near zero, the sums below lose no digits.
    errors = (targets[:, chosen].astype(np.float64) - logits[:, chosen]) ** 2
    outputs = truth.shape[1]
    columns = np.concatenate([errors, truth, truth**2, np.ones((len(truth), 1))], axis=1)

    def metric(weights: Weights) -> Draws:
        sums = weights.T.astype(np.float64) @ columns
        error, first, second = (sums[:, i * outputs : (i + 1) * outputs] for i in range(3))
        spread = second - first**2 / sums[:, -1:]
        defined = spread > 1e-12 * np.maximum(second, 1e-300)
        ratio = np.divide(error, spread, out=np.full_like(error, np.nan), where=defined)
        return _mean_defined(1 - ratio)

    return metric


def repeated(metric: Callable[[Int[np.ndarray, 'M']], float]) -> Weighted:
    """Any metric of item indices, asked once per draw; slow, and always right.

    Args:
        metric: indices of the drawn items, repeated as often as they were drawn -> score. A
            ValueError means that the draw leaves it undefined.
    """

    def one(weights: Float[np.ndarray, 'N']) -> float:
        try:
            return metric(np.repeat(np.arange(len(weights)), weights.astype(np.int64)))
        except ValueError:
            return float('nan')

    return lambda weights: np.array([one(column) for column in weights.T])


def _roc_auc(truth: Shaped[np.ndarray, 'N'], logits: Float[np.ndarray, 'N']) -> Weighted:
    """Mann-Whitney: weight of the negatives below each positive, ties one half."""
    positives, negatives = _ascending(truth, logits), _ascending(~truth, logits)
    left = np.searchsorted(logits[negatives], logits[positives], side='left')
    right = np.searchsorted(logits[negatives], logits[positives], side='right')

    def metric(weights: Weights) -> Draws:
        hits, below = weights[positives], _cumulative(weights[negatives])
        area = (hits * (below[left] + below[right])).sum(axis=0, dtype=np.float64) / 2
        pairs = hits.sum(axis=0, dtype=np.float64) * below[-1]
        return np.divide(area, pairs, out=np.full_like(area, np.nan), where=pairs > 0)

    return metric


def _ap(truth: Shaped[np.ndarray, 'N'], logits: Float[np.ndarray, 'N']) -> Weighted:
    """Mean over positives of the precision among all items scored at least as high."""
    positives, negatives = _ascending(truth, -logits), _ascending(~truth, -logits)
    high = -logits[positives]
    above = np.searchsorted(high, high, side='right')
    wrong = np.searchsorted(-logits[negatives], high, side='right')

    def metric(weights: Weights) -> Draws:
        hits = weights[positives]
        found = _cumulative(hits)[above]
        total = found + _cumulative(weights[negatives])[wrong]
        precision = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
        area = (hits * precision).sum(axis=0, dtype=np.float64)
        count = hits.sum(axis=0, dtype=np.float64)
        return np.divide(area, count, out=np.full_like(area, np.nan), where=count > 0)

    return metric


def _ascending(chosen: Shaped[np.ndarray, 'N'], values: Shaped[np.ndarray, 'N']) -> np.ndarray:
    """Indices of the chosen items, lowest value first."""
    items = np.flatnonzero(chosen)
    return items[np.argsort(values[items], kind='stable')]


def _cumulative(weights: Float[np.ndarray, 'M B']) -> Float[np.ndarray, 'm B']:
    """Sums of the first 0, 1, ..., M rows; float32 holds counts exactly up to 2**24."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]), dtype=weights.dtype)
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def _macro(tags: list[Weighted]) -> Weighted:
    return lambda weights: _mean_defined(np.stack([tag(weights) for tag in tags], axis=1))


def _mean_defined(values: Float[np.ndarray, 'B C']) -> Draws:
    """Mean over the defined columns; nan where there is none."""
    defined = np.isfinite(values)
    count = defined.sum(axis=1)
    total = np.where(defined, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _one_hot(classes: Int[np.ndarray, 'N'], outputs: int) -> Float[np.ndarray, 'N C']:
    return np.eye(outputs)[classes]
