"""Classification into one of C classes.

Conventions
-----------
References come first. A reference is a class index in [0, C); scores are `[N, C]` on any scale
that grows with belief (logits will do): only their argmax is used, the lower index winning a
tie. N is at least 1 and scores are finite; anything else raises.

Metrics
-------
* `accuracy`: fraction of items whose highest score is at the reference class.
* `macro_f1`: mean of the per-class F1 over the classes that occur in the reference or in the
  predictions; a class that occurs in one of them only counts as 0. Equal to scikit-learn's
  `f1_score(average='macro')`.

`micro_f1` can be asked for (`metrics/extra.py`): with one answer per item it is the accuracy.
`per_label` gives every class its precision, recall, F1 and number of items.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

Classes = Int[np.ndarray, 'N']
Scores = Float[np.ndarray, 'N C']

METRICS = ('accuracy', 'macro_f1')


def validate(reference: Int[np.ndarray, '_'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference [N] and scores [N C] belong together.

    Raises:
        ValueError: empty or unequal lengths, a class without a score, or scores not finite.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    if len(reference) != len(scores):
        raise ValueError(f'{len(reference)} references but {len(scores)} rows of scores')
    low, high = int(reference.min()), int(reference.max())
    if low < 0 or high >= scores.shape[1]:
        raise ValueError(
            f'reference classes span {low}..{high}, but scores have {scores.shape[1]} columns; '
            f'do the labels start at 0?'
        )
    if not np.isfinite(scores).all():
        raise ValueError(f'{int((~np.isfinite(scores)).sum())} scores are not finite')


def correct(reference: Classes, scores: Scores) -> Float[np.ndarray, 'N']:
    """Scores each item 1 or 0; the mean is `accuracy`."""
    validate(reference, scores)
    return (scores.argmax(axis=1) == reference).astype(np.float64)


def accuracy(reference: Classes, scores: Scores) -> float:
    """Fraction of exact matches."""
    return float(correct(reference, scores).mean())


def macro_f1(reference: Classes, scores: Scores) -> float:
    """Mean F1 over the classes that occur in the reference or in the predictions."""
    validate(reference, scores)
    outputs = scores.shape[1]
    estimate = scores.argmax(axis=1)
    hits = np.bincount(reference[estimate == reference], minlength=outputs)
    either = np.bincount(reference, minlength=outputs) + np.bincount(estimate, minlength=outputs)
    occurs = either > 0
    return float((2.0 * hits[occurs] / either[occurs]).mean())


def micro_f1(reference: Classes, scores: Scores) -> float:
    """F1 of all decisions pooled; every wrong answer is one miss and one false alarm."""
    return accuracy(reference, scores)


def per_label(reference: Classes, scores: Scores) -> dict[str, Float[np.ndarray, 'C']]:
    """Precision, recall and F1 of every class; nan where it never occurs in what it divides by."""
    validate(reference, scores)
    outputs = scores.shape[1]
    estimate = scores.argmax(axis=1)
    hits = np.bincount(reference[estimate == reference], minlength=outputs)
    items = np.bincount(reference, minlength=outputs)
    answers = np.bincount(estimate, minlength=outputs)
    return shares(hits, items, answers)


def shares(
    hits: Int[np.ndarray, 'C'], items: Int[np.ndarray, 'C'], answers: Int[np.ndarray, 'C']
) -> dict[str, Float[np.ndarray, 'C']]:
    """Precision, recall, F1 and `n`, the items of a label, from counts; nan where undefined."""
    with np.errstate(invalid='ignore'):
        return {
            'precision': hits / answers,
            'recall': hits / items,
            'f1': 2 * hits / (items + answers),
            'n': items.astype(np.float64),
        }


def evaluate(reference: Classes, scores: Scores) -> dict[str, float]:
    """Computes every metric of the module."""
    return {'accuracy': accuracy(reference, scores), 'macro_f1': macro_f1(reference, scores)}


def constants(
    train_reference: Int[np.ndarray, '_'], reference: Classes, outputs: int
) -> dict[str, Any]:
    """What never listening to the audio is worth.

    Args:
        train_reference: classes of the training split.
        reference: classes of the split that is evaluated.
        outputs: C, the number of classes.

    Returns:
        'majority': the metrics of always answering the class most frequent in training (the
        lower index wins a tie); 'best_constant': for each metric, the most that any constant
        answer earns on the evaluated split; 'majority_class' and 'best_constant_class', the
        classes behind them (of the latter: by accuracy).
    """
    scored = [evaluate(reference, always(k, len(reference), outputs)) for k in range(outputs)]
    majority = int(np.bincount(train_reference, minlength=outputs).argmax())
    return {
        'majority': scored[majority],
        'best_constant': {m: max(row[m] for row in scored) for m in METRICS},
        'majority_class': majority,
        'best_constant_class': int(np.argmax([row['accuracy'] for row in scored])),
    }


def always(label: int, items: int, outputs: int) -> Shaped[np.ndarray, 'N C']:
    """Scores `[items, outputs]` of a predictor that always answers `label`."""
    scores = np.zeros((items, outputs))
    scores[:, label] = 1.0
    return scores
