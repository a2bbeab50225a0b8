"""What audiomentations makes of one wave, for `tests/golden/audiomentations.json`.

    python -m venv ENV && ENV/bin/pip install audiomentations==0.43.1 lameenc
    ENV/bin/python tests/deform/against_audiomentations.py > tests/golden/audiomentations.json

Every call fixes the range of its strength to one value, so that nothing is drawn but noise.
"""

import json
from typing import Any

import numpy as np

RATE = 22050
SAMPLES = [0, 1, 2, 50, 999, 5000, 12345, 22049]


def wave() -> np.ndarray:
    """A second of two tones and noise that die away."""
    random, time = np.random.RandomState(0), np.arange(RATE) / RATE
    tones = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 3000 * time)
    return ((tones + 0.05 * random.standard_normal(RATE)) * np.exp(-2 * time)).astype(np.float32)


def ratio(signal: np.ndarray, noise: np.ndarray) -> float:
    """Of their powers, in dB."""
    power = [np.mean(np.square(part, dtype=np.float64)) for part in (signal, noise)]
    return float(10 * np.log10(power[0] / power[1]))


def told(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Length, power and some samples."""
    return {
        'length': len(y),
        'over_input_db': ratio(y, x),
        'values': [float(y[at]) for at in SAMPLES],
    }


def figures() -> dict[str, Any]:
    import audiomentations as other

    x, done = wave(), {'p': 1.0}
    vocoder = {'method': 'librosa_phase_vocoder', **done}
    exact = {
        'gain:-12': other.Gain(-12.0, -12.0, **done),
        'gain:6': other.Gain(6.0, 6.0, **done),
        'clip:10': other.ClippingDistortion(10, 10, **done),
        'clip:40': other.ClippingDistortion(40, 40, **done),
        'lowpass:1000': other.LowPassFilter(1000.0, 1000.0, 24, 24, **done),
        'lowpass:4000': other.LowPassFilter(4000.0, 4000.0, 24, 24, **done),
        'lowpass:1000:order=2': other.LowPassFilter(1000.0, 1000.0, 12, 12, **done),
        'pitch:1': other.PitchShift(1.0, 1.0, **vocoder),
        'pitch:-2': other.PitchShift(-2.0, -2.0, **vocoder),
        'stretch:0.8': other.TimeStretch(0.8, 0.8, leave_length_unchanged=False, **vocoder),
    }
    np.random.seed(0)
    noise = {}
    for snr in (15.0, 0.0):
        add = other.AddGaussianSNR(snr, snr, **done)
        reached = [ratio(x, add(x, RATE).astype(np.float64) - x) for _ in range(200)]
        noise[f'noise:{snr:g}'] = {'mean_db': np.mean(reached), 'std_db': np.std(reached)}
    mp3 = {}
    for kbps in (32, 128):
        coded = other.Mp3Compression(kbps, kbps, backend='lameenc', preserve_delay=True, **done)
        y = coded(x, RATE)
        spectra = np.fft.rfft(y, 2**16) * np.conj(np.fft.rfft(x, 2**16))
        lag = int(np.argmax(np.fft.irfft(spectra)))
        mp3[f'mp3:{kbps}'] = {'delay': lag, 'error_db': ratio(x, y[lag : lag + RATE] - x)}
    return {
        'reference': f'audiomentations {other.__version__}',
        'samples': {name: told(x, transform(x, RATE)) for name, transform in exact.items()},
        'noise': noise,
        'mp3': mp3,
    }


if __name__ == '__main__':
    print(json.dumps(figures(), indent=1))
