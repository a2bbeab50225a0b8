import hashlib

import numpy as np
import pytest

from jaxprobe.tasks import synth_facts, synth_render
from jaxprobe.tasks.synth_sound import RATE


def rms(samples):
    return float(np.sqrt(np.mean((samples / 32768.0) ** 2)))


def phrase(index=0, tags=(), **changes):
    clip = synth_facts.phrase_clip(0, 'train', index)
    return synth_render.phrase_clip(clip._replace(tags=frozenset(tags), **changes))


@pytest.mark.parametrize(
    ('draw', 'render'),
    [
        (synth_facts.note_clip, synth_render.note_clip),
        (synth_facts.phrase_clip, synth_render.phrase_clip),
    ],
)
def test_every_clip_can_be_heard_and_none_is_clipped(draw, render):
    for index in range(40):
        samples = render(draw(0, 'test', index))
        assert samples.shape == (synth_render.SAMPLES,)
        assert samples.dtype == np.int16
        assert 0.005 < rms(samples) < 0.6
        assert np.abs(samples.astype(int)).max() < 32000


# Made by this code on an x86-64 machine, Python 3.11, numpy 2.4; if a change is meant to alter the
# clips, raise synth_words.VERSION and pin again.
PINNED = {
    'notes': '401580448d4306e9dc10e477fb7c79965fba55ceb5b1cf3551bd1ba9e7709930',
    'phrases': '9bd2a1a97054434aac5929a13097bedfb726cd4e76be7e9f62ce69d07ce69a5c',
}


@pytest.mark.parametrize('collection', PINNED)
def test_the_same_bytes_on_every_machine(collection):
    name = f'{collection.removesuffix("s")}_clip'
    draw, render = getattr(synth_facts, name), getattr(synth_render, name)
    digest = hashlib.sha256()
    for split in ('train', 'valid', 'test'):
        for index in range(4):
            digest.update(render(draw(0, split, index)).astype('<i2').tobytes())
    assert digest.hexdigest() == PINNED[collection]


def test_order_of_rendering_does_not_matter():
    clips = [synth_facts.phrase_clip(0, 'train', k) for k in range(3)]
    forward = [synth_render.phrase_clip(c) for c in clips]
    backward = [synth_render.phrase_clip(c) for c in reversed(clips)]
    for a, b in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(a, b)


def test_level_is_loudness():
    soft, loud = (phrase(level=level) for level in (-2.0, 2.0))
    assert rms(loud) > 3 * rms(soft)


def test_noise_is_heard():
    def hiss(samples):
        return np.abs(np.fft.rfft(samples / 32768.0))[int(10000 * 3.1) :].mean()

    assert hiss(phrase(tags=('noisy',))) > 2 * hiss(phrase())


def test_reverberation_fills_the_gaps():
    def gaps(samples):
        blocks = (samples[: 60 * 1102] / 32768.0).reshape(60, 1102)
        power = np.sqrt((blocks**2).mean(axis=1))
        return np.percentile(power, 10) / power.mean()

    dry = [gaps(phrase(k, ('staccato',), lead='pluck')) for k in range(4)]
    wet = [gaps(phrase(k, ('staccato', 'reverb'), lead='pluck')) for k in range(4)]
    assert np.mean(wet) > 1.3 * np.mean(dry)


def test_brightness_is_treble():
    def centroid(samples):
        found = np.abs(np.fft.rfft(samples / 32768.0)) ** 2  # Squares keep the noise out of it.
        return found @ np.arange(len(found)) / found.sum() / 3.1

    plain = [centroid(phrase(k)) for k in range(6)]
    bright = [centroid(phrase(k, ('bright',))) for k in range(6)]
    assert np.mean(bright) > 1.2 * np.mean(plain)
    assert np.mean(bright) < RATE / 2
