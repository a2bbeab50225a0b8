"""The sound of synthetic stems: the parts of a phrase, each by itself, and their sum."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16

from jaxprobe.core import fs
from jaxprobe.tasks import synth_corpus, synth_facts, synth_score, synth_sound, synth_words

SAMPLES = int(synth_words.SECONDS * synth_sound.RATE)
_PEAK = 30000  # Of the mixture, in 16 bit.
_GAINS = {'lead': 1.0, 'chords': 0.8, 'bass': 1.6, 'drums': 0.9}


def stems(clip: synth_facts.PhraseClip) -> Int16[np.ndarray, 'K S']:
    """Renders the parts of a clip, in the order of `synth_words.STEMS`; their sum fits 16 bit."""
    parts = np.stack([_part(clip, label) * _GAINS[label] for label in synth_words.STEMS])
    scale = _PEAK / max(np.abs(parts.sum(axis=0)).max(), np.abs(parts).max())
    return np.rint(parts * scale).astype(np.int16)


def clip_of(seed: int, split: str, index: int) -> synth_facts.PhraseClip:
    """Facts of a clip: those of `phrases`, with every part there and none of them doubled."""
    drawn = synth_facts.phrase_clip(seed, split, index)
    tags = (drawn.tags | {'chords', 'bass', 'percussion'}) - {'noisy', 'reverb'}
    return drawn._replace(tags=frozenset(tags))


def _part(clip: synth_facts.PhraseClip, label: str) -> Float[np.ndarray, 'S']:
    wave = np.zeros(SAMPLES)
    if label == 'drums':
        for drum, start, gain in synth_score.drum_events(clip):
            synth_sound.add(wave, synth_sound.drum(drum), start, gain)
        return wave
    for event in synth_score.phrase_parts(clip)[label]:
        sound = synth_sound.note(event.voice, event.midi, event.seconds, event.velocity)
        synth_sound.add(wave, sound, event.start)
    return wave


def make(paths: Sequence[Path], split: str, index: int, seed: int) -> bool:
    """Writes a clip unless all of it is there, the mixture last; says whether it did."""
    whole = len(synth_corpus.wav_bytes(np.zeros(SAMPLES, np.int16)))
    fs.sweep(paths[0].parent)
    if all(path.is_file() and path.stat().st_size == whole for path in paths):
        return False
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    parts = stems(clip_of(seed, split, index))
    waves = [*parts, parts.sum(axis=0, dtype=np.int16)]
    for path, wave in zip(paths, waves, strict=True):
        fs.write_bytes(path, synth_corpus.wav_bytes(wave), durable=False)
    return True
