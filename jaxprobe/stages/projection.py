"""Every layer's test items in the plane of its two largest principal components, with labels.

A picture to look at (Appendix B of the MERT thesis), no measurement: two components of a thousand
say little of what a probe can read. Points come from the record `<task>@projection`, labels from
the test items: the class; of tags the rarest of an item's among the commonest nine, else `other`;
of numbers the fifth of the first output that an item falls into.
"""

import itertools
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from jaxprobe.stages.sections import Context

KIND = 'projection'
_TAGS, _PARTS = 9, 5


def section(context: Context) -> dict[str, Any] | None:
    """Points [x, y, label] of the shown items; None where nothing was projected."""
    found = list(context.of_kind(KIND).values())
    if not found or found[0].test_ids != context.record.test_ids:
        return None
    stored, task = found[0].meta[KIND], context.record.meta['task']
    label, labels = labelled(task['kind'], task['labels'], context.record.test_targets)
    shown = [int(label[i]) for i in stored['shown']]
    return {
        'method': stored['method'],
        'rows': [
            {
                'source': layer['source'],
                'explained': layer['explained'],
                'points': [[x, y, k] for (x, y), k in zip(layer['points'], shown, strict=True)],
            }
            for layer in stored['layers']
        ],
        'labels': labels,
        'shown': len(shown),
        'of': len(label),
    }


def labelled(
    kind: str, names: list[str], targets: Shaped[np.ndarray, 'N ...']
) -> tuple[Int[np.ndarray, 'N'], list[str]]:
    """One label per item to colour it by, and what the labels are called."""
    if kind in ('multiclass', 'key'):
        return targets, list(names)
    if kind == 'multilabel':
        held = targets.sum(axis=0)
        common = np.argsort(-held, kind='stable')[:_TAGS]
        common = common[held[common] > 0]
        # The last that holds is the rarest; the column in front stands for none.
        ranks = np.arange(1, len(common) + 1) * targets[:, common]
        last = ranks.max(axis=1, initial=0).astype(np.int64) - 1
        return np.where(last < 0, len(common), last), [*(names[k] for k in common), 'other']
    values = targets[:, 0].astype(np.float64)
    bounds = np.quantile(values, np.arange(1, _PARTS) / _PARTS)
    edges = [values.min(), *bounds, values.max()]
    titles = [f'{names[0]} {low:.3g} to {high:.3g}' for low, high in itertools.pairwise(edges)]
    return np.searchsorted(bounds, values, side='right'), titles
