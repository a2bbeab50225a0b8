"""From the notes of a synthetic clip to its samples: players, room, noise, level.

Conventions
-----------
Mono int16 at `synth_sound.RATE`, `SAMPLES` long. The same clip is the same bytes wherever it is
rendered (`tests/tasks/synth_render_test.py` pins some).
"""

import functools

import numpy as np
from jaxtyping import Float, Int16

from jaxprobe.core import rng
from jaxprobe.tasks import synth_facts, synth_score, synth_sound, synth_words
from jaxprobe.tasks.synth_sound import RATE

SAMPLES = int(synth_words.SECONDS * RATE)
_BLOCK = 81920  # FFT length: a clip and the longest tail kept; 2^14 * 5.
_TAIL = _BLOCK - SAMPLES  # 0.6 s of reverberation is heard at most.
_POOL = 2**18

Clip = Int16[np.ndarray, 'S']
Wave = Float[np.ndarray, 'S']


def note_clip(clip: synth_facts.NoteClip) -> Clip:
    """Renders a clip of `notes`."""
    wave = _play(synth_score.note_events(clip), clip.seed)
    return _record(wave, clip.session, clip.session.room, clip.session.wet, 0.35, clip.seed)


def phrase_clip(clip: synth_facts.PhraseClip) -> Clip:
    """Renders a clip of `phrases`."""
    wave = _play(synth_score.phrase_events(clip), clip.seed)
    for drum, start, gain in synth_score.drum_events(clip):
        synth_sound.add(wave, synth_sound.drum(drum), start, gain)
    session = clip.session
    room, wet = (1.6, 0.8) if 'reverb' in clip.tags else (session.room, 0.3 * session.wet)
    if 'noisy' in clip.tags:
        session = session._replace(snr=0.45 * session.snr)
    gain = 0.1 * 10 ** (3.5 * clip.level / 20)
    return _record(wave, session, room, wet, gain, clip.seed)


def _play(events: list[synth_score.Note], seed: int) -> Wave:
    wave = np.zeros(SAMPLES)
    for number, event in enumerate(events):
        breath = _noise(seed, number)
        sound = synth_sound.note(event.voice, event.midi, event.seconds, event.velocity, breath)
        synth_sound.add(wave, sound, event.start)
    return wave


def _record(
    wave: Wave, session: synth_facts.Session, room: float, wet: float, gain: float, seed: int
) -> Clip:
    """Adds room and noise, sets the level and rounds; what is too loud is clipped softly."""
    if wet > 0.02:
        wave = wave + wet * _reverberate(wave, round(room, 1))
    loudness = np.sqrt(np.mean(wave**2)) + 1e-9
    noise = _noise(seed, 'room')[:SAMPLES] * (loudness * 10 ** (-session.snr / 20))
    wave = (wave + noise) * gain
    wave = wave / (1 + np.maximum(np.abs(wave) - 0.8, 0))
    return np.rint(wave * 32000).clip(-32768, 32767).astype(np.int16)


@functools.cache
def _pool() -> Wave:
    return np.random.RandomState(11).randn(_POOL)


def _noise(seed: int, *names: object) -> Wave:
    """White noise of a clip's length, cut from one pool."""
    first = rng.derive(seed, 'noise', *names) % (_POOL - 4 * RATE)
    return _pool()[first : first + 4 * RATE]


@functools.cache
def _room(seconds: float) -> np.ndarray:
    """Spectrum of a room's impulse response: noise that falls by 60 dB in `seconds`."""
    time = np.arange(_TAIL) / RATE
    response = np.random.RandomState(round(seconds * 10)).randn(_TAIL) * 10 ** (-3 * time / seconds)
    response[: int(0.008 * RATE)] = 0  # The direct sound arrives alone.
    response /= np.sqrt((response**2).sum())
    return np.fft.rfft(response, _BLOCK)


def _reverberate(wave: Wave, seconds: float) -> Wave:
    return np.fft.irfft(np.fft.rfft(wave, _BLOCK) * _room(seconds), _BLOCK)[:SAMPLES]
