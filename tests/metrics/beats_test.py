import mir_eval
import numpy as np
import pytest

from jaxprobe.metrics import beats

TIMES = np.arange(0.5, 20.0, 0.5)
BOTH = (TIMES, TIMES[::4])


def scored(*pairs, seconds=20.0):
    references = np.stack([beats.reference_row(true, seconds) for true, _ in pairs])
    return beats.evaluate(references, np.stack([beats.statistics(*pair) for pair in pairs]))


def test_perfect():
    assert set(scored((BOTH, BOTH)).values()) == {1.0}


def test_tolerances():
    late = (TIMES + 0.03, TIMES[::4] + 0.08)
    found = scored((BOTH, late))
    assert (found['beat_f'], found['beat_f_20ms'], found['downbeat_f']) == (1.0, 0.0, 0.0)


def test_each_song_is_mir_evals_f_measure():
    state = np.random.RandomState(0)
    songs = []
    for _ in range(20):
        times = np.cumsum(state.uniform(0.3, 0.8, 30))
        estimate = np.sort(times + state.uniform(-0.15, 0.15, 30))[state.rand(30) < 0.8]
        songs.append(((times, times[::4]), (estimate, estimate[::4])))
    found = scored(*songs)
    expected = [mir_eval.beat.f_measure(true[0], est[0]) for true, est in songs]
    assert found['beat_f_song'] == pytest.approx(np.mean(expected), abs=1e-12)
    narrow = [mir_eval.beat.f_measure(t[0], e[0], f_measure_threshold=0.02) for t, e in songs]
    assert found['beat_f_20ms'] == pytest.approx(np.mean(narrow), abs=0.1)  # Pooled, not a mean.


def test_pooled_is_not_the_mean_over_songs():
    """A long song all right, a short one all wrong: 80 of 84 times against a half."""
    short = (np.array([1.0, 2.0]), np.array([1.0]))
    wrong = (np.array([1.5, 2.5]), np.array([1.5]))
    long = (np.arange(0.5, 20.5, 0.5), np.array([]))
    found = scored((long, long), (short, wrong))
    assert found['beat_f'] == pytest.approx(80 / 84)
    assert found['beat_f_song'] == 0.5


def test_items_without_downbeats_do_not_count_for_them():
    none = (TIMES, np.array([]))
    found = scored((BOTH, BOTH), (none, BOTH))
    assert found['downbeat_f'] == 1.0
    assert found['beat_f'] == 1.0


def test_nothing_at_all():
    empty = (np.array([]), np.array([]))
    assert scored((empty, empty))['beat_f'] == 1.0
    assert scored((BOTH, empty))['beat_f'] == 0.0


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda r, s: (r[:0], s[:0]), 'empty'),
        (lambda r, s: (r, s[:, :7]), 'shape'),
        (lambda r, s: (r + 1, s), 'other references'),
        (lambda r, s: (r, s * np.nan), 'finite'),
    ],
)
def test_malformed(change, says):
    reference = beats.reference_row(BOTH, 20.0)[None]
    with pytest.raises(ValueError, match=says):
        beats.evaluate(*change(reference, beats.statistics(BOTH, BOTH)[None]))


def test_a_metronome_is_the_constant():
    """Beats at 120 BPM from the first moment: the metronome of that tempo finds all of them."""
    times = np.arange(0.0, 20.0, 0.5)
    row = beats.reference_row((times, times[::4]), 20.0)[None]
    found = beats.constants(row, row, 8)
    assert found['majority']['beat_f'] == found['best_constant']['beat_f'] == 1.0
    times = np.arange(0.0, 20.0, 60 / 70)
    slow = beats.reference_row((times, times[::4]), 20.0)[None]
    assert beats.constants(slow, row, 8)['majority']['beat_f'] < 0.7
