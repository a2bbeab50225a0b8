"""Key estimation, 24 classes.

Conventions
-----------
Classes 0-11 are C, Db, D, Eb, E, F, Gb, G, Ab, A, Bb, B major, 12-23 the same minors.
References come first. Scores are `[N, 24]` on any scale that grows with belief: only their
argmax is used, the lower index winning a tie. N is at least 1 and scores are finite; anything
else raises.

Metrics
-------
* `weighted_score`: the MIREX score, as `mir_eval.key.weighted_score` gives it: 1 for the right
  key, .5 for a key of the same mode a perfect fifth above the reference (a fifth below earns
  nothing), .3 for the relative, .2 for the parallel major or minor. Averaged over items.
* `accuracy`: fraction of exact matches.

`macro_weighted_score` can be asked for (`metrics/extra.py`): the mean weighted score of the items
of each key, averaged over the keys that occur in the reference (mir_ref's macro score).
`per_label` gives every key the first of these beside precision, recall and F1.
"""

import functools
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.metrics import multiclass

Keys = Int[np.ndarray, 'N']
Scores = Float[np.ndarray, 'N 24']

METRICS = ('weighted_score', 'accuracy')

TONICS = ('C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B')
LABELS = tuple(f'{tonic} {mode}' for mode in ('major', 'minor') for tonic in TONICS)


def validate(reference: Int[np.ndarray, '_'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference [N] and scores [N 24] belong together.

    Raises:
        ValueError: empty or unequal lengths, keys outside 0..23, or scores not finite.
    """
    if scores.shape[1] != len(LABELS):
        raise ValueError(f'scores have {scores.shape[1]} columns, but there are 24 keys')
    multiclass.validate(reference, scores)


@functools.cache
def score_table() -> Float[np.ndarray, '24 24']:
    """What each estimate (column) earns for each reference (row), asked of mir_eval once."""
    import mir_eval.key

    score = mir_eval.key.weighted_score
    return np.array([[score(reference, estimate) for estimate in LABELS] for reference in LABELS])


def item_weighted_score(reference: Keys, scores: Scores) -> Float[np.ndarray, 'N']:
    """Weighted score of each item; the mean is `weighted_score`."""
    validate(reference, scores)
    return score_table()[reference, scores.argmax(axis=1)]


def weighted_score(reference: Keys, scores: Scores) -> float:
    """Mean weighted score."""
    return float(item_weighted_score(reference, scores).mean())


def macro_weighted_score(reference: Keys, scores: Scores) -> float:
    """Weighted score with every key that occurs counting alike."""
    return float(np.nanmean(per_label(reference, scores)['weighted_score']))


def per_label(reference: Keys, scores: Scores) -> dict[str, Float[np.ndarray, '24']]:
    """Weighted score of the items of each key, precision, recall, F1 and items."""
    points = np.bincount(reference, item_weighted_score(reference, scores), len(LABELS))
    counts = multiclass.per_label(reference, scores)
    with np.errstate(invalid='ignore'):
        return {'weighted_score': points / counts['n'], **counts}


def accuracy(reference: Keys, scores: Scores) -> float:
    """Fraction of exact matches."""
    validate(reference, scores)
    return multiclass.accuracy(reference, scores)


def evaluate(reference: Keys, scores: Scores) -> dict[str, float]:
    """Computes every metric of the module."""
    return {
        'weighted_score': weighted_score(reference, scores),
        'accuracy': accuracy(reference, scores),
    }


def constants(
    train_reference: Int[np.ndarray, '_'], reference: Keys, outputs: int = 24
) -> dict[str, Any]:
    """What never listening to the audio is worth: all 24 constant answers are tried.

    Published scores of 14 to 16 on GiantSteps are at this level (spec/tasks.md, T9).

    Args:
        train_reference: keys of the training split.
        reference: keys of the split that is evaluated.
        outputs: 24.

    Returns:
        'majority': the metrics of always answering the key most frequent in training;
        'best_constant': for each metric, the most that any constant earns on the evaluated
        split; 'majority_class' and 'best_constant_class' (by weighted score), the keys behind
        them.
    """
    scored = [
        evaluate(reference, multiclass.always(k, len(reference), outputs)) for k in range(outputs)
    ]
    majority = int(np.bincount(train_reference, minlength=outputs).argmax())
    return {
        'majority': scored[majority],
        'best_constant': {m: max(row[m] for row in scored) for m in METRICS},
        'majority_class': majority,
        'best_constant_class': int(np.argmax([row['weighted_score'] for row in scored])),
    }
