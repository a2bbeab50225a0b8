"""Every registered deformation keeps the contract of `jaxprobe/deform/base.py`."""

import json
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.deform import chain, registry
from tests.deform import against_audiomentations as other

NAMES = tuple(registry.DEFORMATIONS)
GOLDEN = Path(__file__).parents[1] / 'golden' / 'audiomentations.json'


def extremes(name):
    """The mildest and the most severe that run by themselves."""
    card = registry.card(name)
    for severity in (card.severities[0], card.severities[-1]):
        yield chain.one(f'{name}:{severity:.10g}')


@pytest.mark.parametrize('name', NAMES)
def test_cards_say_what_they_are(name):
    card = registry.card(name)
    assert card.name == name
    assert all((card.title, card.severity, card.unit, card.what, card.source))
    assert all(card.least <= severity <= card.most for severity in card.severities)
    harm = [card.harm(severity) for severity in card.severities]
    assert harm == sorted(harm), 'severities are listed from mild to severe'
    assert len(set(np.round(harm, 9))) >= 2, 'an axis needs two steps'
    assert len({c.name for c in chain.parse(name)}) == len(card.severities)


@pytest.mark.parametrize('name', NAMES)
def test_samples_are_finite_of_their_type_and_the_same_every_time(name):
    wave = other.wave()
    for one in extremes(name):
        out = one.apply(wave, other.RATE, root=0, clip='a')
        again = one.apply(wave, other.RATE, root=0, clip='a')
        assert out.dtype == np.float32
        assert out.shape == again.shape
        assert np.isfinite(out).all()
        np.testing.assert_array_equal(out, again)
        assert (len(out) == len(wave)) == registry.card(name).keeps_length
        length = min(len(out), len(wave))
        assert not np.array_equal(out[:length], wave[:length]), 'it changes nothing'
        seeded = one.apply(wave, other.RATE, root=1, clip='a')
        assert np.array_equal(seeded, out) != registry.card(name).random


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('wave', [np.zeros(3000), np.zeros(1), np.ones(1), np.full(700, 0.5)])
def test_silence_offsets_and_single_samples_stay_finite(name, wave):
    for one in extremes(name):
        out = one.apply(wave.astype(np.float32), 16000, root=0, clip='a')
        assert np.isfinite(out).all()
        assert len(out) >= 1
        assert wave.any() or not out.any(), 'silence stays silent'


# Of the others, a distance of spectra says nothing: they move sound in time.
@pytest.mark.parametrize('name', sorted(set(NAMES) - {'reverb', 'stretch'}))
def test_more_harm_is_farther_from_the_input(name):
    """Measured by the mean spectrum, since a phase vocoder keeps no phase."""
    wave = other.wave()

    def spectrum(x):
        frames = x[: len(x) // 512 * 512].reshape(-1, 512)
        return np.sqrt(np.mean(np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2, axis=0))

    mild, severe = (
        np.linalg.norm(spectrum(c.apply(wave, other.RATE, root=0, clip='a')) - spectrum(wave))
        for c in extremes(name)
    )
    assert severe > mild


def test_what_audiomentations_has_too_is_the_same():
    golden = json.loads(GOLDEN.read_text())
    assert len(golden['samples']) == 10
    for name, theirs in golden['samples'].items():
        out = chain.one(name).apply(other.wave(), other.RATE, root=0, clip='a')
        assert len(out) == theirs['length'], name
        # librosa's vocoder goes through an FFT, whose last bits differ between machines.
        ours = [out[at] for at in other.SAMPLES]
        np.testing.assert_allclose(ours, theirs['values'], atol=2e-6, err_msg=name)
        assert other.ratio(out, other.wave()) == pytest.approx(theirs['over_input_db'], abs=1e-4)
