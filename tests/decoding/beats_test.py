import numpy as np
import pytest

from jaxprobe.decoding import beats
from jaxprobe.decoding.state_space import Tempo
from jaxprobe.tasks import frame_targets
from jaxprobe.tasks.base import Beats
from tests.decoding import reference


def pulses(fps, bpm, seconds, seed=0, noise=0.2):
    """Activations with a bump at every beat, and noise."""
    state = np.random.RandomState(seed)
    activation = noise * state.random_sample((round(fps * seconds),))
    times = np.arange(0.3, seconds, 60 / bpm)
    activation[np.minimum(np.round(times * fps).astype(int), len(activation) - 1)] = 0.9
    return activation, times


def batch(rows):
    lengths = np.array([len(row) for row in rows])
    padded = np.full((len(rows), lengths.max()), 0.5)  # What lies behind must not matter.
    for row, own in zip(padded, rows, strict=True):
        row[: len(own)] = own
    return padded, lengths


def onsets(path, fps, seconds=8.0):
    """Spectral flux of the first 24 s of real music: activations nobody drew."""
    import soundfile

    rate = soundfile.info(path).samplerate
    wave = soundfile.read(path, frames=round(24 * rate), always_2d=True)[0].mean(axis=1)
    hop = round(rate / fps)
    frames = np.lib.stride_tricks.sliding_window_view(wave, 2 * hop)[::hop] * np.hanning(2 * hop)
    level = np.log1p(100 * np.abs(np.fft.rfft(frames)))
    flux = np.maximum(np.diff(level, axis=0), 0).sum(axis=1)
    flux = np.clip(flux / np.quantile(flux, 0.99), 0, 1) * 0.98
    count = round(seconds * fps)
    return [flux[i : i + count] for i in range(0, len(flux) - count + 1, count)]


def agreement(ours, theirs, fps):
    """Share of the reference's beats that ours has within a frame, and of ours that it has."""
    hits = [np.abs(ours - t).min(initial=np.inf) <= 1.01 / fps for t in theirs]
    back = [np.abs(theirs - t).min(initial=np.inf) <= 1.01 / fps for t in ours]
    return sum(hits) + sum(back), len(hits) + len(back)


def test_two_hundred_activations_against_the_published_algorithm():
    """Noise, pulses and in-betweens at 25 frames per second, of different lengths, as one batch."""
    fps, rows = 25.0, []
    for seed in range(200):
        state = np.random.RandomState(seed)
        seconds = state.uniform(4.0, 9.0)
        if seed % 3 == 0:
            rows.append(state.uniform(size=round(fps * seconds)) ** 3)
        else:
            rows.append(pulses(fps, state.uniform(60, 200), seconds, seed, 0.8)[0])
    found = beats.decode(*batch(rows), Tempo(fps))
    same = [
        agreement(a, reference.beats(row, fps), fps) for a, row in zip(found, rows, strict=True)
    ]
    hits, of = np.sum(same, axis=0)
    assert of > 4000
    assert hits / of >= 0.99


def test_real_music_against_the_published_algorithm(shared):
    paths = sorted((shared / 'data' / 'music').glob('*.ogg'))
    rows = [row for path in paths for row in onsets(path, 25.0)]
    assert len(rows) > 15
    found = beats.decode(*batch(rows), Tempo(25.0))
    same = [agreement(a, reference.beats(r, 25.0), 25.0) for a, r in zip(found, rows, strict=True)]
    hits, of = np.sum(same, axis=0)
    assert of > 400
    assert hits / of >= 0.99


@pytest.mark.parametrize('bpm', [90, 150])
@pytest.mark.parametrize('fps', [25.0, 75.0])
def test_steady_pulses_are_found(bpm, fps):
    from mir_eval.beat import f_measure

    activation, times = pulses(fps, bpm, 20.0)
    (found,) = beats.decode(activation[None], np.array([len(activation)]), Tempo(fps))
    assert f_measure(times, found) >= 0.95


def bars(fps, bpm, sure, unsure):
    """Downbeats of 30 s of bars of four beats, and what a probe that has learned them answers."""
    times = np.arange(0.3, 30.0, 240 / bpm)
    marks = frame_targets.beats(
        Beats(tuple(times), tuple(times)), np.zeros(1), round(30 * fps), fps, widen=True
    )
    return times, np.where(marks[:, 1] > 0, sure, unsure)


@pytest.mark.parametrize('bpm', [90, 150])
@pytest.mark.parametrize('fps', [25.0, 50.0, 75.0])
def test_oracle_downbeats(bpm, fps):
    """As training marks them: the frames beside a downbeat too."""
    from mir_eval.beat import f_measure

    times, activation = bars(fps, bpm, 0.95, 0.02)
    tempo = Tempo(fps).downbeats()
    (found,) = beats.decode(activation[None], np.array([len(activation)]), tempo)
    assert f_measure(times, found) >= 0.95


def test_certain_downbeats_lose_what_the_published_algorithm_loses():
    """Exact zeros forbid the beginning and the end of a path: its first and last bar, there too."""
    times, activation = bars(25.0, 90, 1.0, 0.0)
    activation = np.where(np.convolve(activation, np.ones(3), 'same') > 2.5, 1.0, 0.0)
    assert activation.sum() == len(times)
    tempo = Tempo(25.0).downbeats()
    (found,) = beats.decode(activation[None], np.array([len(activation)]), tempo)
    np.testing.assert_allclose(found, reference.beats(activation, 25.0, 18.0, 72.0))
    assert len(found) == len(times) - 2


def test_a_row_does_not_depend_on_its_batch():
    rows = [pulses(25.0, bpm, seconds, bpm)[0] for bpm, seconds in ((80, 6), (120, 9), (170, 4))]
    together = beats.decode(*batch(rows), Tempo(25.0))
    for row, found in zip(rows, together, strict=True):
        (alone,) = beats.decode(row[None], np.array([len(row)]), Tempo(25.0))
        np.testing.assert_array_equal(alone, found)


def test_chunks_change_nothing(monkeypatch):
    rows = batch([pulses(25.0, bpm, 5.0, bpm)[0] for bpm in range(70, 180, 10)])
    whole = beats.decode(*rows, Tempo(25.0))
    monkeypatch.setattr(beats, '_CHUNK_BYTES', 30_000)
    for one, other in zip(beats.decode(*rows, Tempo(25.0)), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_silence_has_no_beats_and_certainty_does_not_break_it():
    silent, sure = np.zeros(100), np.zeros(100)
    sure[::12] = 1.0
    nothing, found = beats.decode(np.stack([silent, sure]), np.array([100, 100]), Tempo(25.0))
    assert len(nothing) == 0
    np.testing.assert_allclose(np.diff(found), 12 / 25.0)


@pytest.mark.parametrize('wrong', [1.5, -0.1, np.nan])
def test_activations_are_probabilities(wrong):
    with pytest.raises(ValueError, match='probabilities'):
        beats.decode(np.full((1, 10), wrong), np.array([10]), Tempo(25.0))


def test_lengths_beyond_the_frames():
    with pytest.raises(ValueError, match='11'):
        beats.decode(np.full((1, 10), 0.5), np.array([11]), Tempo(25.0))
