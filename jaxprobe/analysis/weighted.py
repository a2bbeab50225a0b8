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
from scipy import sparse

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
    ranking = _ranking(truth, logits)

    def metric(weights: Weights) -> Draws:
        hits, found, above, within = ranking(weights)
        negatives = above[-1] - found[-1]
        at_least, better = within - found, above[:-1] - (found - hits)  # Of the negatives.
        area = (hits * (2 * negatives - at_least - better)).sum(axis=0, dtype=np.float64) / 2
        pairs = found[-1].astype(np.float64) * negatives
        return np.divide(area, pairs, out=np.full_like(area, np.nan), where=pairs > 0)

    return metric


def _ap(truth: Shaped[np.ndarray, 'N'], logits: Float[np.ndarray, 'N']) -> Weighted:
    """Mean over positives of the precision among all items scored at least as high."""
    ranking = _ranking(truth, logits)

    def metric(weights: Weights) -> Draws:
        hits, found, _, within = ranking(weights)
        precision = np.divide(found, within, out=np.zeros_like(found), where=within > 0)
        area = (hits * precision).sum(axis=0, dtype=np.float64)
        count = found[-1].astype(np.float64)
        return np.divide(area, count, out=np.full_like(area, np.nan), where=count > 0)

    return metric


def _ranking(
    truth: Shaped[np.ndarray, 'N'], logits: Float[np.ndarray, 'N']
) -> Callable[[Weights], tuple[np.ndarray, ...]]:
    """What a ranking metric needs of the weights, for the D distinct scores of positives only.

    All items that rank between two of those count alike, so their weights are summed first, by one
    sparse product. float32 holds sums of counts exactly up to 2**24.

    Returns:
        weights [N B] -> weight of the positives at each of the scores, the highest first [D B];
        at it or above [D B]; of all items above it [D + 1 B], the last one of all there are; of
        all items at it or above [D B]. Without a positive D is 1, and its weight 0.
    """
    values = np.unique(-logits[truth]) if truth.any() else np.full(1, np.inf)
    size, items = len(values), len(logits)
    rank = np.searchsorted(values, -logits)
    tied = values[np.minimum(rank, size - 1)] == -logits
    between = _sums(2 * rank + tied, np.ones(items, bool), 2 * size + 1)
    positive = _sums(rank, truth, size)

    def ranking(weights: Weights) -> tuple[np.ndarray, ...]:
        hits = positive @ weights
        sums = np.cumsum(between @ weights, axis=0)
        return hits, np.cumsum(hits, axis=0), sums[::2], sums[1::2]

    return ranking


def _sums(row: Int[np.ndarray, 'N'], chosen: Shaped[np.ndarray, 'N'], rows: int):
    """A sparse [rows N] that adds up the chosen items of every row."""
    items = np.flatnonzero(chosen)
    ones = np.ones(len(items), dtype=np.float32)
    return sparse.csr_array((ones, (row[items], items)), shape=(rows, len(row)))


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
