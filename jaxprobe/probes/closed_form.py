"""Probes that have no learning rate: ridge regression and LDA, solved for all penalties at once.

Conventions
-----------
Rows are windows and weigh the same; a row has the target of its item. Scores are linear in a row,
so the mean of an item's window scores is the score of its mean embedding: that is an item's score,
whatever the task's aggregation (with `embeddings` the training rows are item means, too). A task
of keys has 24 classes here and the same plain mean, none of the ensembles. The learned weighted
sum has no closed form and takes no part; plain means of layers do.

Ridge minimises sum (y - w'x - b)^2 + alpha |w|^2 over rows with b free, as scikit-learn's `Ridge`.
Targets are -1 and 1 for classes and tags (`RidgeClassifier`), numbers themselves for regression.
`alpha = penalty * scale`, where `scale` is the mean eigenvalue of the rows' scatter (its trace over
D): a penalty means the same whatever the size of the embeddings and of the training set.

LDA has one covariance for all classes, (1 - s) S + s tr(S) / D I with S the mean within-class
covariance, and priors as found in training: `LinearDiscriminantAnalysis(solver='lsqr',
shrinkage=s)` on rows centred by the training mean. On rows as they are its scores differ by one
number per row that all classes share. A class without training rows is never answered.

Both come from the moments of one pass over the training rows; what is solved is D x D.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Shaped

from jaxprobe.probes import moments
from jaxprobe.probes.moments import Moments
from jaxprobe.probes.spec import Source, Split

# Least squares in effect, to nothing but class frequencies.
PENALTIES = tuple(10.0**k for k in range(-8, 5))
SHRINKAGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 1.0)

# Bytes of moments and weights held at once. Sources beyond it are read in further passes.
BUDGET = 2**31
_MATRICES = 4  # D x D at once while one source is solved: scatter, within, system, its factors.

CLASSES = ('multiclass', 'key')
KINDS = (*CLASSES, 'multilabel', 'regression')


class Linear(NamedTuple):
    """Solutions of one source, one per penalty: scores are `x @ weights[p] + bias[p]`.

    `scale` is what a penalty of ridge is multiplied with, and LDA shrinks towards.
    """

    weights: Float64[np.ndarray, 'P D C']
    bias: Float64[np.ndarray, 'P C']
    scale: float


class Solved(NamedTuple):
    """Item scores of every (source, penalty), S sources in the order given, and their scales."""

    valid: Float[np.ndarray, 'S P Nv C']
    test: Float[np.ndarray, 'S P Nt C']
    scale: tuple[float, ...]


def ridge(found: Moments, penalties: Sequence[float], *, signed: bool) -> Linear:
    """Solves ridge regression for every penalty and output.

    Args:
        found: of the training rows.
        penalties: times the scale; more than 0.
        signed: targets are 0 and 1 and are to be -1 and 1.
    """
    scale = float(np.trace(found.scatter)) / len(found.mean)
    added = [penalty * scale for penalty in penalties]
    weights = _through(found.scatter, np.ones(len(added)), added, found.cross)
    bias = found.target_mean - found.mean @ weights
    return Linear(2 * weights, 2 * bias - 1, scale) if signed else Linear(weights, bias, scale)


def lda(found: Moments, shrinkages: Sequence[float]) -> Linear:
    """Solves linear discriminant analysis for every shrinkage.

    Args:
        found: of the training rows, targets one-hot.
        shrinkages: more than 0, to 1.

    Returns:
        Log posteriors but for a number that the classes of a row share; a class without rows has
        weights and bias nan.
    """
    count = np.rint(found.target_mean * found.rows)
    seen = count > 0
    offset = found.cross[:, seen] / count[seen]  # Mean of each class around the mean of all.
    within = (found.scatter - (offset * count[seen]) @ offset.T) / found.rows
    scale = float(np.trace(within)) / len(found.mean)
    s = np.asarray(shrinkages)
    coefficients = _through(within, 1 - s, s * scale, offset)
    constant = np.log(count[seen] / found.rows) - found.mean @ coefficients
    weights = np.full((len(s), *found.cross.shape), np.nan)
    bias = np.full((len(s), len(seen)), np.nan)
    weights[:, :, seen] = coefficients
    bias[:, seen] = constant - 0.5 * (offset[None] * coefficients).sum(axis=1)
    return Linear(weights, bias, scale)


def _through(
    matrix: Float64[np.ndarray, 'D D'],
    factors: Sequence[float] | Float64[np.ndarray, 'P'],
    added: Sequence[float] | Float64[np.ndarray, 'P'],
    right: Float64[np.ndarray, 'D C'],
) -> Float64[np.ndarray, 'P D C']:
    """Solves (factor * matrix + added * I) w = right for every pair; 0 where nothing varies.

    One decomposition into eigenvectors would serve all pairs, but it is exact to the largest
    eigenvalue only: a single column of great variance, which transformers have, would cost the
    others their digits. Elimination keeps them, and a dozen are no slower.
    """
    out = np.zeros((len(added), *right.shape))
    diagonal = np.arange(len(matrix))
    for p, (factor, more) in enumerate(zip(factors, added, strict=True)):
        if more > 0:
            system = factor * matrix
            system[diagonal, diagonal] += more
            out[p] = np.linalg.solve(system, right)
    return out


def encoded(
    kind: str, targets: Shaped[np.ndarray, 'N ...'], outputs: int
) -> Float64[np.ndarray, 'N C']:
    """Targets of items as numbers per output: one-hot classes, tags, or the numbers themselves."""
    if kind in CLASSES:
        return np.eye(outputs)[targets]
    return targets.astype(np.float64)


def solve(
    kind: str,
    outputs: int,
    splits: tuple[Split, Split, Split],
    sources: Sequence[Source],
    layer_widths: Sequence[int],
    *,
    penalties: Sequence[float] = PENALTIES,
    shrinkages: Sequence[float] = SHRINKAGES,
    aggregation: str = 'logits',
    budget: int = BUDGET,
) -> dict[str, Solved]:
    """Fits on training rows and scores the items of the other two splits.

    Every split is read once, or once for each portion of the sources whose moments and weights
    fit the budget together.

    Args:
        kind: one of `KINDS`.
        outputs: of the task.
        splits: train, valid, test.
        sources: none of them learned.
        layer_widths: of the layers of the rows.
        penalties, shrinkages: of ridge and of LDA.
        aggregation: of the task; `embeddings` trains on item means.
        budget: bytes.

    Returns:
        'ridge', and for classes 'lda'.
    """
    train, valid, test = splits
    wanted = encoded(kind, train.targets, outputs)
    counts = {'ridge': len(penalties), **({'lda': len(shrinkages)} if kind in CLASSES else {})}
    parts: dict[str, list[Solved]] = {name: [] for name in counts}
    sizes = [_bytes(layer_widths[s.layers[0]], outputs, sum(counts.values())) for s in sources]
    for portion in moments.portions(sizes, budget):
        here = sources[portion]
        maps: dict[str, list[Linear]] = {name: [] for name in counts}
        found = moments.of_split(
            train, wanted, here, layer_widths, by_item=aggregation == 'embeddings'
        )[::-1]
        while found:  # A source's D x D sums are dropped before the next one's are taken apart.
            one = found.pop()
            maps['ridge'].append(ridge(one, penalties, signed=kind != 'regression'))
            if 'lda' in maps:
                maps['lda'].append(lda(one, shrinkages))
        scored = [_scores(split, maps, here, layer_widths) for split in (valid, test)]
        for name, linear in maps.items():
            scales = tuple(one.scale for one in linear)
            parts[name].append(Solved(scored[0][name], scored[1][name], scales))
    return {name: _joined(of_name) for name, of_name in parts.items()}


def _bytes(width: int, outputs: int, penalties: int) -> int:
    return 8 * width * (_MATRICES * width + outputs * (2 * penalties + 1))


def _joined(parts: Sequence[Solved]) -> Solved:
    valid, test = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Solved(valid, test, tuple(scale for part in parts for scale in part.scale))


def _scores(
    split: Split,
    maps: dict[str, list[Linear]],
    sources: Sequence[Source],
    layer_widths: Sequence[int],
) -> dict[str, Float[np.ndarray, 'S P N C']]:
    """Mean window scores of every item, which are scores of its mean embedding."""
    out = {
        name: np.empty(
            (len(ones), len(ones[0].bias), len(split.count), ones[0].bias.shape[1]), np.float32
        )
        for name, ones in maps.items()
    }
    for items, views in moments.read(split, sources, layer_widths):
        count = split.count[items]
        for s, view in enumerate(views):
            sums = np.add.reduceat(view.astype(np.float64), np.cumsum(count) - count, axis=0)
            for name, ones in maps.items():
                scores = (sums / count[:, None]) @ ones[s].weights + ones[s].bias[:, None]
                out[name][s][:, items] = _answerable(scores)
    return out


def _answerable(scores: Float64[np.ndarray, '*rows C']) -> Float64[np.ndarray, '*rows C']:
    """Puts classes that were never seen (nan) below every other."""
    unseen = np.isnan(scores)
    if not unseen.any():
        return scores
    return np.where(unseen, np.nanmin(scores, axis=-1, keepdims=True) - 1, scores)
