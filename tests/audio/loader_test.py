import threading
import time

import numpy as np
import pytest
import soundfile

from jaxprobe.audio import loader
from jaxprobe.audio.decode import AudioError
from jaxprobe.audio.window import Windowing

W = Windowing(samples=1000, hop=1000, tail='overlap')


def _write(path, samples):
    soundfile.write(path, samples, 8000, subtype='FLOAT')
    return path


def test_load_lists_windows_and_silence(tmp_path):
    wave = np.concatenate([np.full(1000, 0.5), np.zeros(1000), np.full(500, -0.5)])
    found = loader.load(_write(tmp_path / 'a.wav', wave.astype(np.float32)), 0.0, None, 8000, W)
    assert found.starts.tolist() == [0, 1000, 1500]
    assert found.silent.tolist() == [False, True, False]
    assert not found.padded


def test_sound_is_that_of_the_samples_before_they_are_scaled_or_filled(tmp_path):
    wave = np.linspace(0.1, 0.4, 400, dtype=np.float32)
    path = _write(tmp_path / 'a.wav', wave)
    found = loader.load(path, 0.0, None, 8000, W, 'peak')
    assert found.padded
    assert found.sound == loader.sound_hash(wave) != loader.sound_hash(-wave)
    assert loader.load(path, 0.01, None, 8000, W).sound == loader.sound_hash(wave[80:])


def test_dither_is_silence(tmp_path):
    dither = np.random.default_rng(0).integers(-1, 2, 2000).astype(np.float32) / 32768
    assert loader.load(_write(tmp_path / 'a.wav', dither), 0.0, None, 8000, W).silent.all()


def test_load_repeats_short_items(tmp_path):
    path = _write(tmp_path / 'a.wav', np.linspace(0.1, 0.4, 400, dtype=np.float32))
    found = loader.load(path, 0.0, None, 8000, W)
    assert found.padded
    assert len(found.samples) == 1000
    np.testing.assert_array_equal(found.samples[400:800], found.samples[:400])


def test_load_puts_the_lead_before_the_item_and_moves_no_start(tmp_path):
    """The second window's lead sounds, the window does not. A segment mirrors its own start."""
    wave = np.zeros(2500, np.float32)
    wave[:1000] = np.linspace(0.1, 0.9, 1000)
    led = Windowing(samples=1000, hop=1000, tail='overlap', lead=100)
    found = loader.load(_write(tmp_path / 'a.wav', wave), 0.0, None, 8000, led)
    assert found.starts.tolist() == [0, 1000, 1500]
    assert found.silent.tolist() == [False, True, True]
    np.testing.assert_array_equal(found.samples[100:], wave)
    np.testing.assert_array_equal(found.samples[:100], wave[100:0:-1])
    part = loader.load(tmp_path / 'a.wav', 0.05, 0.02, 8000, led)  # 160 samples from 400.
    assert part.padded
    np.testing.assert_array_equal(part.samples[:100], wave[500:400:-1])


def test_errors_name_the_file(tmp_path):
    path = _write(tmp_path / 'short.wav', np.zeros(10, np.float32))
    with pytest.raises(AudioError, match=r'short\.wav') as caught:
        loader.load(path, 0.0, None, 8000, Windowing(1000, 1000, short='refuse'))
    assert caught.value.reason == 'too_short'


def test_ahead_keeps_the_order_and_the_bounds():
    started, lock = [], threading.Lock()

    def work(job):
        with lock:
            started.append(job)
        time.sleep(0.001 * (job % 3))
        return job * job

    taken = 0
    for job, result in loader.ahead(range(60), work, lambda _: 1.0, threads=3, budget=5.0):
        assert (job, result) == (taken, taken**2)
        taken += 1
        assert len(started) <= taken + 5
    assert taken == 60


def test_ahead_keeps_threads_busy_whatever_one_job_costs():
    together = threading.Barrier(3, timeout=10)
    jobs = loader.ahead(range(3), lambda _: together.wait(), lambda _: 1e9, threads=3, budget=1.0)
    assert len(list(jobs)) == 3


def test_an_error_of_the_work_arrives_and_ends_it():
    def work(job):
        if job == 2:
            raise ValueError('two')
        return job

    seen = []
    with pytest.raises(ValueError, match='two'):
        for job, _ in loader.ahead(range(100), work, lambda _: 1.0, threads=2, budget=4.0):
            seen.append(job)
    assert seen == [0, 1]
    assert not [t for t in threading.enumerate() if t.name.startswith('decode')]


def test_closing_ends_the_threads():
    jobs = loader.ahead(range(1000), lambda job: job, lambda _: 1.0, threads=2, budget=4.0)
    next(jobs)
    jobs.close()
    assert not [t for t in threading.enumerate() if t.name.startswith('decode')]


def test_a_change_comes_at_the_file_s_own_rate_before_everything_else(tmp_path):
    """The item, not the file; then resampled, scaled and cut, however long it has become."""
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 6000).astype(np.float32)
    path, seen = _write(tmp_path / 'a.wav', wave), []

    def change(item, rate):
        seen.append((item.copy(), rate))
        return np.concatenate([item, item, -item]) / 4

    found = loader.load(path, 0.25, 0.375, 8000, W, 'peak', change)
    assert [rate for _, rate in seen] == [8000]
    np.testing.assert_array_equal(seen[0][0], wave[2000:5000])
    assert found.starts.tolist() == [*range(0, 9000, 1000)]
    assert np.abs(found.samples).max() == 1
    twice = loader.load(path, 0.25, 0.375, 16000, W, change=change)
    assert seen[1][1] == 8000
    assert len(twice.samples) == 18000
    plain = loader.load(path, 0.25, 0.375, 16000, W, change=lambda item, rate: item)
    same = loader.load(path, 0.25, 0.375, 16000, W)
    assert plain.sound == same.sound
    with pytest.raises(AudioError) as caught:
        loader.load(path, 0.0, None, 8000, W, change=lambda item, rate: item * np.nan)
    assert caught.value.reason == 'not_finite'
    with pytest.raises(AudioError, match='0 samples'):
        loader.load(path, 0.0, None, 16000, W, change=lambda item, rate: item[:0])
