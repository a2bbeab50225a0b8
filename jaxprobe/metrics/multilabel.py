"""Tagging: any number of C tags hold for an item.

Conventions
-----------
References come first: `[N, C]`, 1 where a tag holds and 0 where it does not. Scores are
`[N, C]` on any scale that grows with belief: only their order within a column counts, ties
included. N is at least 1 and scores are finite; anything else raises.

A tag without a positive in the evaluated split cannot be ranked. It is left out of the macro
means and counted by `undefined`; it is never nan, 0 or 1. A tag that always holds has an AP (of
1) but no ROC-AUC. Where no tag can be scored at all, the metrics raise.

Metrics
-------
* `roc_auc`: macro mean over tags of the area under the ROC curve; ties count one half. Equal to
  scikit-learn's `roc_auc_score(average='macro')` over the tags left in.
* `ap`: macro mean over tags of average precision, the step-wise sum of (R_n - R_{n-1}) P_n over
  distinct scores, without interpolation. Equal to `average_precision_score(average='macro')`.

`micro_f1` and `macro_f1` can be asked for (`metrics/extra.py`). For these alone scores are
logits: a tag is given where its logit is above 0, its probability above one half. `micro_f1`
pools the decisions of all tags; `macro_f1` is the mean over the tags that hold or are given
somewhere, `f1_score(average='macro', zero_division=nan)`. Both are 0 where every given tag is
wrong, and where no tag is given. `per_label` gives every tag all of these.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from jaxprobe.metrics import multiclass

Tags = Shaped[np.ndarray, 'N C']
Scores = Float[np.ndarray, 'N C']

METRICS = ('roc_auc', 'ap')


def validate(reference: Shaped[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference and scores, both [N C], belong together.

    Raises:
        ValueError: empty or unequal shapes, references other than 0 and 1, scores not finite.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    if reference.shape != scores.shape:
        raise ValueError(f'reference is {reference.shape} but scores are {scores.shape}')
    if not np.isin(reference, (0, 1)).all():
        raise ValueError(
            'reference must hold 0 and 1 only; are these tag indices, or probabilities?'
        )
    if not np.isfinite(scores).all():
        raise ValueError(f'{int((~np.isfinite(scores)).sum())} scores are not finite')


def tag_roc_auc(reference: Tags, scores: Scores) -> Float[np.ndarray, 'C']:
    """Area under the ROC curve of each tag; nan where a tag holds always or never."""
    validate(reference, scores)
    truth = reference.astype(bool)
    return np.array([_roc_auc(truth[:, c], scores[:, c]) for c in range(truth.shape[1])])


def tag_ap(reference: Tags, scores: Scores) -> Float[np.ndarray, 'C']:
    """Average precision of each tag; nan where a tag never holds."""
    validate(reference, scores)
    truth = reference.astype(bool)
    return np.array([_ap(truth[:, c], scores[:, c]) for c in range(truth.shape[1])])


def roc_auc(reference: Tags, scores: Scores) -> float:
    """Macro mean of `tag_roc_auc` over the tags that have one.

    Raises:
        ValueError: no tag has both positives and negatives; or see `validate`.
    """
    return _macro(tag_roc_auc(reference, scores), 'roc_auc')


def ap(reference: Tags, scores: Scores) -> float:
    """Macro mean of `tag_ap` over the tags that have one.

    Raises:
        ValueError: no tag has a positive; or see `validate`.
    """
    return _macro(tag_ap(reference, scores), 'ap')


def micro_f1(reference: Tags, scores: Scores) -> float:
    """F1 of all decisions pooled.

    Raises:
        ValueError: no tag holds and none is given; or see `validate`.
    """
    hits, items, answers = (int(counts.sum()) for counts in _decisions(reference, scores))
    if not items + answers:
        raise ValueError('micro_f1 is undefined: no tag holds and none is given')
    return 2 * hits / (items + answers)


def macro_f1(reference: Tags, scores: Scores) -> float:
    """Mean F1 over the tags that hold or are given somewhere.

    Raises:
        ValueError: there is no such tag; or see `validate`.
    """
    return _macro(multiclass.shares(*_decisions(reference, scores))['f1'], 'macro_f1')


def per_label(reference: Tags, scores: Scores) -> dict[str, Float[np.ndarray, 'C']]:
    """ROC-AUC, AP, precision, recall, F1 and items of every tag; nan where undefined."""
    return {
        'roc_auc': tag_roc_auc(reference, scores),
        'ap': tag_ap(reference, scores),
        **multiclass.shares(*_decisions(reference, scores)),
    }


def _decisions(
    reference: Tags, scores: Scores
) -> tuple[Int[np.ndarray, 'C'], Int[np.ndarray, 'C'], Int[np.ndarray, 'C']]:
    """Per tag: how often it is given rightly, holds, and is given."""
    validate(reference, scores)
    truth, given = reference.astype(bool), scores > 0
    return (truth & given).sum(axis=0), truth.sum(axis=0), given.sum(axis=0)


def undefined(reference: Tags) -> int:
    """Counts the tags left out of `roc_auc`: those that hold always or never."""
    positives = reference.astype(np.int64).sum(axis=0)
    return int(((positives == 0) | (positives == len(reference))).sum())


def evaluate(reference: Tags, scores: Scores) -> dict[str, float]:
    """Computes every metric of the module, and `undefined`, the number of tags left out."""
    return {
        'roc_auc': roc_auc(reference, scores),
        'ap': ap(reference, scores),
        'undefined': float(undefined(reference)),
    }


def constants(
    train_reference: Shaped[np.ndarray, '_ _'], reference: Tags, outputs: int
) -> dict[str, Any]:
    """What never listening to the audio is worth.

    Constant scores rank nothing, so that every constant earns the same, whatever the training
    split says: ROC-AUC one half, and the mean prevalence of the tags for AP.

    Args:
        train_reference: tags of the training split; only its width is used.
        reference: tags of the split that is evaluated.
        outputs: C, the number of tags.

    Returns:
        'majority' and 'best_constant': the metrics of a constant predictor.

    Raises:
        ValueError: a width is not `outputs`; or see `validate`.
    """
    if not train_reference.shape[1] == reference.shape[1] == outputs:
        raise ValueError(
            f'{outputs} tags, but references are {train_reference.shape[1]} and '
            f'{reference.shape[1]} wide'
        )
    scored = evaluate(reference, np.zeros(reference.shape))
    return {'majority': scored, 'best_constant': dict(scored)}


def _macro(values: Float[np.ndarray, 'C'], name: str) -> float:
    defined = values[~np.isnan(values)]
    if not len(defined):
        raise ValueError(
            f'{name} is undefined: no tag of {len(values)} both holds and fails to hold in this '
            f'split. Is the split a handful of items, or the tag list of another data set?'
        )
    return float(defined.mean())


def _tie_ends(ordered: Float[np.ndarray, 'N']) -> Int[np.ndarray, '_']:
    """Last position of each run of equal values in a sorted column."""
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)


def _roc_auc(truth: Shaped[np.ndarray, 'N'], scores: Float[np.ndarray, 'N']) -> float:
    """Mann-Whitney: the chance that a positive outranks a negative, ties one half."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float('nan')
    order = np.argsort(scores)
    ends = _tie_ends(scores[order])
    hits = np.diff(np.cumsum(truth[order])[ends], prepend=0)  # Positives in each run of ties.
    sizes = np.diff(ends, prepend=-1)
    ranks = ends + 1 - (sizes - 1) / 2  # The mean rank within each run, counted from 1.
    return float((hits @ ranks - positives * (positives + 1) / 2) / (positives * negatives))


def _ap(truth: Shaped[np.ndarray, 'N'], scores: Float[np.ndarray, 'N']) -> float:
    positives = int(truth.sum())
    if not positives:
        return float('nan')
    order = np.argsort(-scores.astype(np.float64))
    ends = _tie_ends(scores[order])
    hits = np.cumsum(truth[order])[ends]
    return float(np.diff(hits, prepend=0) @ (hits / (ends + 1)) / positives)
