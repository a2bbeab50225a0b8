"""What a kind of target is judged by and trained with, where the data set says nothing else.

The same words as in `jaxprobe.metrics`, repeated so that listing tasks need not import numpy;
`tests/contract/tasks_test.py` holds the two together.
"""

from collections.abc import Sequence

from jaxprobe.tasks.base import Kind, Protocol

_METRICS = {
    Kind.MULTICLASS: ('accuracy', 'macro_f1'),
    Kind.MULTILABEL: ('roc_auc', 'ap'),
    Kind.REGRESSION: ('r2',),
    Kind.KEY: ('weighted_score', 'accuracy'),
    Kind.BEATS: (
        'beat_f',
        'beat_f_20ms',
        'beat_f_song',
        'downbeat_f',
        'downbeat_f_20ms',
        'downbeat_f_song',
    ),
    Kind.FRAMES: (
        'frame_accuracy',
        'frame_macro_f1',
        'boundary_f_3s',
        'boundary_f_0.5s',
        'pairwise_f',
    ),
    Kind.SEPARATION: ('sdr',),
}
# The others watch their first metric.
_MONITOR = {Kind.BEATS: 'loss', Kind.FRAMES: 'accuracy', Kind.SEPARATION: 'loss'}
# One more metric for every label.
_NAMED = (Kind.REGRESSION, Kind.SEPARATION)
SEPARATION_RATE = 75.0  # Hz: MARBLE v1's spectra, a hop of 320 samples at 24 kHz.
SEPARATION_WINDOW = 6.0  # Seconds, v1's segments.


def metrics(kind: Kind, labels: Sequence[str]) -> tuple[str, ...]:
    """Metrics of a kind, the primary one first; regression and separation: one more per output."""
    own = _METRICS[kind]
    return own + tuple(f'{own[0]}_{label}' for label in labels) if kind in _NAMED else own


def protocol(kind: Kind, window_seconds: float = 0.0) -> Protocol:
    """MARBLE v1's numbers for tasks of a kind; with tags and with stems it is less patient."""
    if kind is Kind.SEPARATION:
        return _separation(window_seconds or SEPARATION_WINDOW)
    tags = kind is Kind.MULTILABEL
    return Protocol(
        monitor=_MONITOR[kind] if kind in _MONITOR else _METRICS[kind][0],
        plateau_patience=3 if tags else 5,
        stop_patience=10 if tags else 20,
        window_seconds=window_seconds,
        select_by=_METRICS[kind][0] if kind in _MONITOR else '',
        frame_rate=25.0 if kind in _MONITOR else 0.0,
        tail='overlap' if kind in _MONITOR else 'drop',
    )


def _separation(window_seconds: float) -> Protocol:
    """MARBLE v1's numbers, its monitor aside: that names a metric separation does not have."""
    return Protocol(
        monitor='loss',
        select_by='sdr',
        dropout=0.4,  # Between the LSTM's layers, as in Open-Unmix.
        plateau_patience=3,
        stop_patience=10,
        window_seconds=window_seconds,
        frame_rate=SEPARATION_RATE,
        tail='overlap',
    )
