"""Bootstrap scores of stored cells: the fastest exact way for every metric of every kind."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis import bootstrap, weighted
from jaxprobe.metrics import extra, kinds
from jaxprobe.stages import score
from jaxprobe.stages.results import BankRecord


def cells(
    record: BankRecord, metric: str, chosen: Sequence[int], drawn: bootstrap.Resampling
) -> Float[np.ndarray, 'B']:
    """Test score of each draw, averaged over cells that are seed replicates of each other.

    Args:
        record: the bank.
        metric: one of the task's.
        chosen: the replicates; those without finite logits are left out.
        drawn: draws of the test items.

    Returns:
        One score per draw; nan where a draw leaves the metric undefined, or no cell is left.
    """
    finite = [p for p in chosen if np.isfinite(record.test_logits[p]).all()]
    if not finite:
        return np.full(len(drawn.counts), np.nan)
    kind, targets = record.meta['task']['kind'], record.test_targets
    logits = [record.test_logits[p].astype(np.float64) for p in finite]
    per_item = kinds.per_item(kind, metric)
    if per_item is not None:
        values = np.stack([per_item(targets, cell) for cell in logits], axis=1)
        return bootstrap.means(values, drawn).mean(axis=1)
    labels = tuple(record.meta['task']['labels'])
    twins = [_twin(kind, metric, targets, cell, labels) for cell in logits]
    return np.mean([bootstrap.scores(twin, drawn) for twin in twins], axis=0)


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


def interval(samples: Float[np.ndarray, 'B'], drawn: bootstrap.Resampling) -> list[float] | None:
    """The percentile interval, rounded; None where one group or undefined draws leave none."""
    found = bootstrap.interval(samples) if drawn.counts.shape[1] > 1 else None
    return None if found is None else [score.tidy(bound) for bound in found]
