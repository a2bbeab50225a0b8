"""Bootstrap scores of stored cells, the fastest exact way for every metric, and their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis import bootstrap, weighted
from jaxprobe.metrics import extra, kinds
from jaxprobe.stages import score
from jaxprobe.stages.results import BankRecord


def cells(
    record: BankRecord, metric: str, chosen: Sequence[int], drawn: bootstrap.Resampling
) -> Float[np.ndarray, 'B']:
    """Test score of the test set and of each draw, averaged over replicates; see `replicates`."""
    return replicates(record, metric, chosen, drawn).mean(axis=1)


def replicates(
    record: BankRecord, metric: str, chosen: Sequence[int], drawn: bootstrap.Resampling
) -> Float[np.ndarray, 'B K']:
    """Test score of the test set (row 0) and of each draw, for cells that are seed replicates.

    Measured once per set of draws: rows, pairs and sections that ask again are handed the same.

    Args:
        record: the bank.
        metric: one of the task's.
        chosen: the replicates; those without finite logits are left out.
        drawn: draws of the test items.

    Returns:
        A column per replicate, one of nan where none is left; nan where a draw leaves the metric
        undefined.
    """
    key = (id(record.test_logits), metric, tuple(chosen))
    if key not in drawn.kept:
        # The logits are kept alive too, lest others be given their id.
        drawn.kept[key] = (record.test_logits, _replicates(record, metric, chosen, drawn))
    return drawn.kept[key][1]


def _replicates(
    record: BankRecord, metric: str, chosen: Sequence[int], drawn: bootstrap.Resampling
) -> Float[np.ndarray, 'B K']:
    finite = [p for p in chosen if np.isfinite(record.test_logits[p]).all()]
    if not finite:
        return np.full((len(drawn.counts), 1), np.nan)
    kind, targets = record.meta['task']['kind'], record.test_targets
    logits = [record.test_logits[p].astype(np.float64) for p in finite]
    per_item = kinds.per_item(kind, metric)
    if per_item is not None:
        values = np.stack([per_item(targets, cell) for cell in logits], axis=1)
        return bootstrap.means(values, drawn)
    labels = tuple(record.meta['task']['labels'])
    twins = [_twin(kind, metric, targets, cell, labels) for cell in logits]
    return np.stack([bootstrap.scores(twin, drawn) for twin in twins], axis=1)


def _twin(
    kind: str,
    metric: str,
    targets: np.ndarray,
    logits: Float[np.ndarray, 'N C'],
    labels: tuple[str, ...],
) -> bootstrap.Weighted:
    if kind == 'regression' and metric == 'r2':
        return weighted.r2(targets, logits)
    if kind == 'regression' and metric.removeprefix('r2_') in labels:
        return weighted.r2(targets, logits, output=labels.index(metric.removeprefix('r2_')))
    known = {
        ('multiclass', 'macro_f1'): weighted.macro_f1,
        ('multilabel', 'roc_auc'): weighted.roc_auc,
        ('multilabel', 'ap'): weighted.ap,
    }
    if (kind, metric) in known:
        return known[kind, metric](targets, logits)
    if kinds.added(kind, (metric,), labels):
        function = extra.metric(kind, metric)
        return weighted.repeated(lambda items: function(targets[items], logits[items]))
    return weighted.repeated(
        lambda items: kinds.evaluate(kind, targets[items], logits[items], list(labels))[metric]
    )


def draw(record: BankRecord, resamples: int) -> bootstrap.Resampling:
    """Draws the test items of a record, seeded by its root seed, encoder and task."""
    from jaxprobe.core import rng

    meta = record.meta
    random = rng.random_state(
        meta['root_seed'], 'bootstrap', meta['encoder']['label'], meta['task']['name']
    )
    return bootstrap.draw(record.test_groups, resamples, random)


def scale(kind: str, metric: str) -> str:
    """On what scale a metric's interval is taken; see `bootstrap.interval`."""
    if ':' in metric or kind == 'separation':  # A user's metric may have any range.
        return ''
    return 'r2' if kind == 'regression' else 'unit'


def intervals(
    record: BankRecord, metric: str, chosen: Sequence[int], drawn: bootstrap.Resampling
) -> dict[str, list[float] | None]:
    """The intervals of a score: 'ci95', of other groups; 'ci95_seeds', of other seeds as well.

    The second is None for a single seed, of which the spread over seeds is not known.
    """
    samples = replicates(record, metric, chosen, drawn)
    form = scale(record.meta['task']['kind'], metric)
    return {
        'ci95': _interval(bootstrap.spread(samples, drawn), form),
        'ci95_seeds': _interval(_with_seeds(samples, drawn), form),
    }


def difference(
    one: Float[np.ndarray, 'B K'], other: Float[np.ndarray, 'B J'], drawn: bootstrap.Resampling
) -> dict[str, Any]:
    """Intervals and p-value of the difference of two scores on the same draws.

    Seeds are paired where both sides have the same number of them: cells of one seed share their
    initial weights, order and dropout.

    Returns:
        'ci95' and 'p', of other groups and, where there are several, of other seeds; and
        'ci95_groups', of other groups alone. None where undefined.
    """
    if one.shape[1] != other.shape[1]:
        one, other = one.mean(axis=1, keepdims=True), other.mean(axis=1, keepdims=True)
    samples = one - other
    groups = bootstrap.spread(samples, drawn)
    widest = _with_seeds(samples, drawn) or groups
    return {
        'ci95': _interval(widest, ''),
        'ci95_groups': _interval(groups, ''),
        'p': bootstrap.p_value(widest, drawn) if widest else None,
    }


def interval(
    samples: Float[np.ndarray, 'B'], drawn: bootstrap.Resampling, scale: str = ''
) -> list[float] | None:
    """The interval of anything measured on the draws, of other groups; rounded.

    Args:
        samples: row 0 on the test set itself, such as `cells` returns, or differences of those.
        drawn: the draws.
        scale: as `scale` returns it for a score, '' for a difference.

    Returns:
        None where one group, or what is undefined, leaves none.
    """
    return _interval(bootstrap.spread(samples[:, None], drawn), scale)


def _with_seeds(
    samples: Float[np.ndarray, 'B K'], drawn: bootstrap.Resampling
) -> bootstrap.Spread | None:
    return bootstrap.spread(samples, drawn, seeds=True) if samples.shape[1] > 1 else None


def _interval(found: bootstrap.Spread | None, scale: str) -> list[float] | None:
    if found is None:
        return None
    return [score.tidy(bound) for bound in bootstrap.interval(found, scale)]
