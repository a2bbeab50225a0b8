"""Labels of frames, such as a song's structure.

Conventions
-----------
References come first. An item is scored by numbers from which scores of many items can be
recomputed: `statistics` makes them, and every metric reads `[N, C C + 3]` of them: the confusion
counts of its frames, reference class by estimated class, and three scores of the item by
mir_eval.segment. A reference row `[C]` holds the number of its frames of every class. Frames
without a reference class count nowhere.

Metrics
-------
* `frame_accuracy`: share of frames whose class is right, pooled over items.
* `frame_macro_f1`: mean over classes of their F1 over all frames; classes that occur neither in
  the references nor in the estimates are left out.
* `boundary_f_3s`: F-measure of segment boundaries within 3 s (`mir_eval.segment.detection`,
  the song's start and end left out), mean over items.
* `boundary_f_0.5s`: the same within half a second.
* `pairwise_f`: F-measure of pairs of frames of equal label (`mir_eval.segment.pairwise`), mean
  over items.
"""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Int

METRICS = ('frame_accuracy', 'frame_macro_f1', 'boundary_f_3s', 'boundary_f_0.5s', 'pairwise_f')
SONG = ('boundary_f_3s', 'boundary_f_0.5s', 'pairwise_f')


def statistics(
    reference: Int[np.ndarray, 'T'], estimate: Int[np.ndarray, 'T'], outputs: int, rate: float
) -> Float[np.ndarray, '_']:
    """Numbers of one item.

    Args:
        reference: classes of its frames in time order, -1 where there is none.
        estimate: classes found.
        outputs: C.
        rate: frames per second.

    Raises:
        ValueError: no frame has a reference.
    """
    counted = reference >= 0
    if not counted.any():
        raise ValueError('no frame has a reference class')
    pairs = reference[counted] * outputs + estimate[counted]
    confusion = np.bincount(pairs, minlength=outputs * outputs).astype(float)
    true, found = (_segments(x[counted], rate) for x in (reference, estimate))
    with warnings.catch_warnings():  # mir_eval warns of songs of one segment; 0 says it.
        warnings.simplefilter('ignore')
        from mir_eval import segment

        wide, narrow = (
            segment.detection(true[0], found[0], window=window, trim=True)[2]
            for window in (3.0, 0.5)
        )
        same = segment.pairwise(*true, *found)[2]
    return np.concatenate([confusion, [wide, narrow, same]])


def reference_row(reference: Int[np.ndarray, 'T'], outputs: int) -> Float[np.ndarray, 'C']:
    """Frames of every class."""
    return np.bincount(reference[reference >= 0], minlength=outputs).astype(float)


def validate(reference: Float[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference rows [N C] and statistics [N C C + 3] belong together.

    Raises:
        ValueError: empty or unequal lengths, or counts that contradict each other.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    outputs = reference.shape[1]
    if scores.shape != (len(reference), outputs * outputs + len(SONG)):
        raise ValueError(f'references {reference.shape} but statistics {scores.shape}')
    if not np.isfinite(scores).all():
        raise ValueError(f'{int((~np.isfinite(scores)).sum())} statistics are not finite')
    if not np.array_equal(_confusion(scores, outputs).sum(axis=2), reference):
        raise ValueError('the statistics are of other references: their counts differ')


def evaluate(
    reference: Float[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']
) -> dict[str, float]:
    """Computes every metric of the module."""
    validate(reference, scores)
    confusion = _confusion(scores, reference.shape[1]).sum(axis=0)
    hits, either = confusion.diagonal(), confusion.sum(axis=0) + confusion.sum(axis=1)
    f1 = 2 * hits[either > 0] / either[either > 0]
    songs = dict(zip(SONG, scores[:, -len(SONG) :].mean(axis=0), strict=True))
    return {
        'frame_accuracy': float(hits.sum() / confusion.sum()),
        'frame_macro_f1': float(f1.mean()),
        **{name: float(value) for name, value in songs.items()},
    }


def constants(
    train_reference: Float[np.ndarray, '_ C'], reference: Float[np.ndarray, 'N C'], outputs: int
) -> dict[str, Any]:
    """What one class for all frames is worth; a song of one segment has no boundaries (0).

    Returns:
        As `multiclass.constants`. Their `pairwise_f` follows from the counts of frames; mir_eval
        would sample ten times a second, which moves it by less than 0.01.
    """
    del outputs  # Of the statistics; the classes are the reference's columns.
    majority, answers = unheard(train_reference, reference)
    found = [evaluate(reference, answer) for answer in answers]
    return {
        'majority': found[majority],
        'best_constant': {m: max(row[m] for row in found) for m in METRICS},
        'majority_class': majority,
        'best_constant_class': int(np.argmax([row['frame_accuracy'] for row in found])),
    }


def unheard(
    train_reference: Float[np.ndarray, '_ C'], reference: Float[np.ndarray, 'N C']
) -> tuple[int, list[Float[np.ndarray, 'N _']]]:
    """What one class for all frames leaves, for every class; and the commonest in training."""
    classes, found = reference.shape[1], []
    for label in range(classes):
        confusion = np.zeros((len(reference), classes, classes))
        confusion[:, :, label] = reference
        songs = np.zeros((len(reference), len(SONG)))
        songs[:, SONG.index('pairwise_f')] = _pairs_of_constant(reference)
        found.append(np.concatenate([confusion.reshape(len(reference), -1), songs], 1))
    return int(train_reference.sum(axis=0).argmax()), found


def _pairs_of_constant(reference: Float[np.ndarray, 'N C']) -> Float[np.ndarray, 'N']:
    """F of calling all frames the same: recall is 1, precision the share of equal pairs."""
    frames = reference.sum(axis=1)
    pairs = frames * (frames - 1)
    equal = (reference * (reference - 1)).sum(axis=1)
    precision = np.divide(equal, pairs, out=np.ones_like(pairs), where=pairs > 0)
    return np.where(equal > 0, 2 * precision / (precision + 1), 0.0)


def _confusion(scores: Float[np.ndarray, 'N _'], outputs: int) -> Float[np.ndarray, 'N C C']:
    return scores[:, : outputs * outputs].reshape(len(scores), outputs, outputs)


def _segments(classes: Int[np.ndarray, 'T'], rate: float) -> tuple[np.ndarray, list[str]]:
    """Intervals [S 2] in seconds and their labels."""
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    edges = np.append(starts, len(classes)) / rate
    return np.stack([edges[:-1], edges[1:]], axis=1), [str(classes[s]) for s in starts]
