"""Instruments and drums: one note at a time, as arrays of samples.

Conventions
-----------
Mono float64 at `RATE`, amplitude about 1. A note is looked up in single-cycle tables whose
harmonics fade each at its own rate, so that a plucked string darkens and a blown one brightens,
as they do. Phases are integers, in 2^-32 of a cycle, because the last bit of a sine or a power
differs between machines: a float phase would now and then read the neighbouring table entry.
What is left of such differences is far below the last bit of int16.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

RATE = 22050  # Hz.
CYCLE = 4096  # Samples of a single-cycle table; the look-up error is about -70 dB.
HARMONICS = 14
HIGHEST = 9500.0  # Hz; harmonics above are left out.

Wave = Float[np.ndarray, 'S']
Phase = Int[np.ndarray, 'S']


class Band(NamedTuple):
    """Partials that fade together.

    Attributes:
        partials: frequency ratio -> amplitude.
        decay: time constant in seconds; 0 sustains.
        effort: how much louder playing favours this band (0: not at all).
    """

    partials: dict[float, float]
    decay: float = 0.0
    effort: float = 0.0


class Instrument(NamedTuple):
    """A recipe: bands of partials, attack and release in seconds, vibrato depth, breath noise."""

    bands: tuple[Band, ...]
    attack: float
    release: float
    vibrato: float = 0.0
    breath: float = 0.0


class Voice(NamedTuple):
    """One player of an instrument: what differs between two players of the same one.

    Attributes:
        instrument: a name of `INSTRUMENTS`.
        colour: gain of each harmonic.
        tilt: dB per octave added to the spectrum.
        attack: factor on the attack time.
        cents: how far the player is out of tune.
        vibrato: factor on the vibrato depth; a depth is added where it is above 1.
    """

    instrument: str
    colour: Float[np.ndarray, 'H']
    tilt: float = 0.0
    attack: float = 1.0
    cents: float = 0.0
    vibrato: float = 1.0


def _series(power: float, start: int = 1, stop: int = HARMONICS, step: int = 1) -> dict:
    return {float(h): h**-power for h in range(start, stop + 1, step)}


INSTRUMENTS = {
    'organ': Instrument(
        (Band({1.0: 1.0, 2.0: 0.7, 3.0: 0.35, 4.0: 0.5, 6.0: 0.3, 8.0: 0.25}),), 0.012, 0.04
    ),
    'flute': Instrument(
        (Band({1.0: 1.0, 2.0: 0.3}), Band({3.0: 0.12, 4.0: 0.05}, effort=0.8)),
        0.06, 0.08, vibrato=0.004, breath=0.05,
    ),
    'reed': Instrument(
        (Band(_series(0.7, step=2)), Band({2.0: 0.08, 4.0: 0.08, 6.0: 0.1}, effort=0.5)),
        0.03, 0.06, breath=0.01,
    ),
    'brass': Instrument(
        (Band(_series(0.5, 1, 4)), Band(_series(0.8, 5), effort=1.5)), 0.05, 0.07, vibrato=0.002
    ),
    'string': Instrument(
        (Band(_series(1.0, 1, 5)), Band(_series(0.9, 6), effort=0.6)),
        0.11, 0.12, vibrato=0.006, breath=0.008,
    ),
    'pluck': Instrument(
        (
            Band(_series(0.8, 1, 3), decay=0.9),
            Band(_series(0.9, 4, 8), decay=0.3, effort=0.6),
            Band(_series(0.9, 9), decay=0.1, effort=1.0),
        ),
        0.003, 0.08,
    ),
    'mallet': Instrument(
        (
            Band({1.0: 1.0}, decay=0.5),
            Band({3.93: 0.5}, decay=0.15, effort=0.5),
            Band({9.2: 0.3}, decay=0.05, effort=0.8),
        ),
        0.002, 0.1,
    ),
    'keys': Instrument(
        (
            Band({1.0: 1.0, 2.0: 0.35, 3.0: 0.1}, decay=1.4),
            Band({4.0: 0.25, 5.0: 0.2, 6.0: 0.12, 7.0: 0.08}, decay=0.45, effort=0.8),
            Band({14.0: 0.25}, decay=0.07, effort=0.5),
        ),
        0.004, 0.12,
    ),
    # Never a label: the drone that other players keep up behind a note.
    'drone': Instrument((Band({1.0: 1.0, 2.0: 0.3, 3.0: 0.1}),), 0.2, 0.1, vibrato=0.002),
}  # fmt: skip

_SINE = np.sin(2 * np.pi * np.arange(CYCLE) / CYCLE)
_HARMONIC_SINES = np.stack([_SINE[(np.arange(CYCLE) * h) % CYCLE] for h in range(1, HARMONICS + 1)])
_LONGEST = 4 * RATE
_COUNT = np.arange(_LONGEST)
_TIME = _COUNT / RATE
_SHIFT = 20
_TURN = CYCLE << _SHIFT  # A cycle, in units of phase.
_VIBRATO_HZ = 5.5
_VIBRATO = 1 - np.cos(2 * np.pi * _VIBRATO_HZ * _TIME)


def note(
    voice: Voice,
    midi: int,
    seconds: float,
    velocity: float,
    noise: Float[np.ndarray, '_'] | None = None,
) -> Wave:
    """Plays one note.

    Args:
        voice: who plays.
        midi: pitch; 69 is A at 440 Hz.
        seconds: until the key is let go; the release follows.
        velocity: in (0, 1]; sets level and, by the instrument, brightness.
        noise: white noise at least as long as the note, for the breath; None leaves it out.

    Returns:
        The note with its release, at most 4 s.
    """
    instrument = INSTRUMENTS[voice.instrument]
    held = min(int(seconds * RATE), _LONGEST - int(instrument.release * RATE) - 1)
    samples = held + int(instrument.release * RATE)
    frequency = 440.0 * 2.0 ** ((midi - 69 + voice.cents / 100) / 12)
    phase = _phase(frequency, samples, _depth(instrument, voice))
    sound = np.zeros(samples)
    for band in instrument.bands:
        level = velocity**band.effort
        part = _band(band, voice, frequency, phase) * level
        sound += part * _decay(band.decay)[:samples] if band.decay else part
    if instrument.breath and noise is not None:
        sound += instrument.breath * noise[:samples]
    return sound * _envelope(instrument, voice, held, samples) * velocity


def _depth(instrument: Instrument, voice: Voice) -> float:
    return instrument.vibrato * voice.vibrato + (0.008 if voice.vibrato > 1 else 0.0)


def _phase(frequency: float, samples: int, depth: float) -> Phase:
    """Phase of the fundamental."""
    phase = _COUNT[:samples] * round(frequency / RATE * _TURN)
    if depth:
        swing = frequency * depth * _TURN / (2 * np.pi * _VIBRATO_HZ)
        phase += np.rint(_VIBRATO[:samples] * swing).astype(np.int64)
    return phase


def _look_up(table: Float[np.ndarray, '_'], phase: Phase) -> Wave:
    return table[(phase >> _SHIFT) & (CYCLE - 1)]


def _band(band: Band, voice: Voice, frequency: float, phase: Phase) -> Wave:
    """Sums a band's partials: harmonic ones in one table, the others one by one."""
    harmonics = np.zeros(HARMONICS)
    sound = np.zeros(len(phase))
    for ratio, amplitude in band.partials.items():
        if ratio * frequency > HIGHEST:
            continue
        nearest = min(round(ratio), HARMONICS)
        gain = amplitude * voice.colour[nearest - 1] * 2.0 ** (voice.tilt / 6.02 * np.log2(ratio))
        if ratio == nearest:
            harmonics[nearest - 1] = gain
        else:
            sound += gain * _look_up(_SINE, (phase * ratio).astype(np.int64))
    if harmonics.any():
        sound += _look_up(harmonics @ _HARMONIC_SINES, phase)
    return sound


@functools.cache
def _decay(seconds: float) -> Wave:
    return np.exp(-_TIME / seconds)


def _envelope(instrument: Instrument, voice: Voice, held: int, samples: int) -> Wave:
    """Straight attack and release around a level of 1."""
    envelope = np.ones(samples)
    attack = max(min(int(instrument.attack * voice.attack * RATE), held), 1)
    envelope[:attack] = np.arange(attack) / attack
    if samples > held:
        top = envelope[held - 1] if held else 0.0
        envelope[held:] = top * np.arange(samples - held, 0, -1) / (samples - held)
    return envelope


@functools.cache
def drum(name: str) -> Wave:
    """One hit of 'kick', 'snare' or 'hat'."""
    random = np.random.RandomState(7)
    if name == 'kick':
        time = _TIME[: int(0.18 * RATE)]
        sweep = 50 * time + 90 * 0.03 * (1 - np.exp(-time / 0.03))
        return 1.4 * np.sin(2 * np.pi * sweep) * np.exp(-time / 0.06)
    if name == 'snare':
        time = _TIME[: int(0.16 * RATE)]
        body = np.sin(2 * np.pi * 190 * time)
        return (0.5 * random.randn(len(time)) + 0.4 * body) * np.exp(-time / 0.045)
    time = _TIME[: int(0.06 * RATE)]
    noise = np.diff(random.randn(len(time) + 1))  # The difference keeps the treble.
    return 0.25 * noise * np.exp(-time / 0.015)


def add(wave: Wave, sound: Float[np.ndarray, 'T'], start: float, gain: float = 1.0) -> None:
    """Adds a sound to a wave in place from `start` seconds on; what hangs over is cut."""
    first = int(start * RATE)
    if first < len(wave):
        stretch = wave[first : first + len(sound)]
        stretch += gain * sound[: len(stretch)]
