"""Beats and downbeats, from times that were decoded and times that were annotated.

Conventions
-----------
References come first. An item is scored by counts that add up over items, so that a score of
many items can be recomputed from what is stored: `statistics` makes them with mir_eval's own
matching (one estimate meets at most one reference), and every metric reads `[N, 8]` of them:
matches within 70 ms, matches within 20 ms, estimates and references, for beats and then for
downbeats. A reference row `[2 + 8 M]` holds the numbers of annotated beats and downbeats, and
the statistics of M metronomes, the constants of this kind. Nothing is trimmed: MARBLE counts the
first seconds too, `mir_eval.beat.evaluate` would not.

Metrics
-------
* `beat_f`: F-measure of beats within 70 ms, matches pooled over items (MARBLE).
* `beat_f_20ms`: the same within 20 ms (as the papers say).
* `beat_f_song`: the F-measure within 70 ms of every item, then the mean; an item without
  references and without estimates counts as 1.
* `downbeat_f`, `downbeat_f_20ms`, `downbeat_f_song`: the same of downbeats; items without
  annotated downbeats are left out of all three.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

METRICS = (
    'beat_f',
    'beat_f_20ms',
    'beat_f_song',
    'downbeat_f',
    'downbeat_f_20ms',
    'downbeat_f_song',
)
WINDOWS = (0.07, 0.02)  # Seconds.
METRONOMES = tuple(range(70, 181, 10))  # BPM; a beat at 0 s, a downbeat every fourth.
COLUMNS = 8

Statistics = Float[np.ndarray, 'N 8']
Times = Sequence[float] | np.ndarray  # Seconds, ascending.


def statistics(
    reference: tuple[Times, Times],
    estimate: tuple[Times, Times],
) -> Float[np.ndarray, '8']:
    """Counts of one item.

    Args:
        reference: annotated beats and downbeats, in seconds.
        estimate: decoded ones.
    """
    import mir_eval

    counts = []
    for true, found in zip(reference, estimate, strict=True):
        both = np.asarray(true, float), np.asarray(found, float)
        empty = not len(both[0]) or not len(both[1])
        hits = [0 if empty else len(mir_eval.util.match_events(*both, w)) for w in WINDOWS]
        counts += [*hits, len(both[1]), len(both[0])]
    return np.array(counts, float)


def reference_row(reference: tuple[Times, Times], seconds: float) -> Float[np.ndarray, '_']:
    """What is stored of an item's annotation: its counts, and what metronomes would earn.

    Args:
        reference: annotated beats and downbeats, in seconds.
        seconds: length of the item.
    """
    rows = [np.array([len(reference[0]), len(reference[1])], float)]
    for bpm in METRONOMES:
        ticks = np.arange(0.0, seconds, 60.0 / bpm)
        rows.append(statistics(reference, (ticks, ticks[::4])))
    return np.concatenate(rows)


def validate(reference: Float[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference rows and statistics [N 8] belong together.

    Raises:
        ValueError: empty or unequal lengths, counts that contradict each other.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    if len(reference) != len(scores) or scores.shape[1] != COLUMNS:
        raise ValueError(f'{len(reference)} references but statistics of shape {scores.shape}')
    if not np.isfinite(scores).all():
        raise ValueError(f'{int((~np.isfinite(scores)).sum())} statistics are not finite')
    if not np.array_equal(scores[:, [3, 7]], reference[:, :2]):
        raise ValueError('the statistics are of other references: their counts differ')


def evaluate(
    reference: Float[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']
) -> dict[str, float]:
    """Computes every metric of the module."""
    validate(reference, scores)
    annotated = scores[:, 7] > 0
    found = {}
    for name, part in (('beat', scores[:, :4]), ('downbeat', scores[annotated, 4:])):
        wide, narrow, estimates, references = part.T
        found[f'{name}_f'] = _f(wide.sum(), estimates.sum() + references.sum())
        found[f'{name}_f_20ms'] = _f(narrow.sum(), estimates.sum() + references.sum())
        songs = [_f(hits, total) for hits, total in zip(wide, estimates + references, strict=True)]
        found[f'{name}_f_song'] = float(np.mean(songs)) if songs else 0.0
    return found


def constants(
    train_reference: Float[np.ndarray, '_ _'], reference: Float[np.ndarray, 'N _'], outputs: int
) -> dict[str, Any]:
    """What a metronome is worth.

    Returns:
        'majority': the metronome that scores best in training, on the split that is evaluated;
        'best_constant': for each metric, the most that any of them earns there.
    """
    del outputs
    chosen, answers = unheard(train_reference, reference)
    here = [evaluate(reference, answer) for answer in answers]
    return {
        'majority': here[chosen],
        'best_constant': {metric: max(row[metric] for row in here) for metric in METRICS},
    }


def unheard(
    train_reference: Float[np.ndarray, '_ _'], reference: Float[np.ndarray, 'N _']
) -> tuple[int, list[Statistics]]:
    """What every metronome leaves, and which of them scores best in training."""
    train = [evaluate(train_reference, _metronome(train_reference, m)) for m in _ticks()]
    chosen = int(np.argmax([row['beat_f'] for row in train]))
    return chosen, [_metronome(reference, m) for m in _ticks()]


def _ticks() -> range:
    return range(len(METRONOMES))


def _metronome(reference: Float[np.ndarray, 'N _'], which: int) -> Statistics:
    begin = 2 + COLUMNS * which
    return reference[:, begin : begin + COLUMNS]


def _f(hits: float, total: float) -> float:
    """2 hits / (estimates + references); nothing to find and nothing found is right."""
    return float(2.0 * hits / total) if total else 1.0
