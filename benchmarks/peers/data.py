"""One data set in every tool's own layout.

Real recordings (spoken digits) stand in the files of GTZAN's layout, digit k in place of genre k,
in its fault-filtered split (442/197/289 or 290 items), because MARBLE's loaders know GTZAN by
name. Each recording is resampled to the encoder's rate and repeated or cut to exactly one second,
so that every tool hears the same samples whatever it does with short clips. What genre probes
would score is not the point: sizes, steps and epochs are GTZAN's.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from jaxprobe.tasks import gtzan
from jaxprobe.tasks.base import SPLITS

RATE = 24000  # MERT-v1's.


class Clip(NamedTuple):
    """One item: 'blues/blues.00000.wav' in split 'valid' with label 0."""

    name: str
    split: str
    label: int


def clips() -> list[Clip]:
    """The items of GTZAN's split, in the order of train, valid, test."""
    listed = [
        Clip(f'{name.split(".")[0]}/{name}.wav', part, gtzan.LABELS.index(name.split('.')[0]))
        for name, part in gtzan.split().items()
        if name not in gtzan.BROKEN
    ]
    return sorted(listed, key=lambda clip: (SPLITS.index(clip.split), clip.name))


def make(root: Path, recordings: Path) -> list[Clip]:
    """Writes root/genres, and the lists that MARBLE v1 and v2 read.

    Args:
        root: an empty or absent folder.
        recordings: of the Free Spoken Digit Dataset, `{digit}_{speaker}_{number}.wav`.

    Returns:
        What was written.
    """
    chosen = clips()
    sources = _Recordings(recordings)
    for clip in chosen:
        path = root / 'genres' / clip.name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, second(sources.take(clip)), RATE, 'PCM_16')
    lists(root, chosen)
    return chosen


def lists(root: Path, chosen: list[Clip]) -> None:
    """Writes {split}_filtered.txt of MARBLE v1 and GTZANGenre.{split}.jsonl of v2."""
    root.mkdir(parents=True, exist_ok=True)
    for part in SPLITS:
        names = [clip.name for clip in chosen if clip.split == part]
        (root / f'{part}_filtered.txt').write_text('\n'.join(names) + '\n')
        rows = [_row(root / 'genres' / name) for name in names]
        theirs = {'valid': 'val'}.get(part, part)
        (root / f'GTZANGenre.{theirs}.jsonl').write_text('\n'.join(map(json.dumps, rows)) + '\n')


def second(path: Path) -> np.ndarray:
    """One second of a recording at `RATE`, repeated or cut."""
    sound, rate = soundfile.read(path, dtype='float32')
    sound = sound if sound.ndim == 1 else sound.mean(-1)
    return np.resize(soxr.resample(sound, rate, RATE), RATE)


def synthetic(n: int, layers: int, width: int, labels: list[int], seed: int = 0) -> np.ndarray:
    """Embeddings [n, layers, width] of overlapping classes, so that probes have what to learn.

    A class moves every coordinate by about an eighth of its deviation: from 44 items of a
    class at width 768 about three in four of the others can be told, as on real features.
    """
    rng = np.random.default_rng(seed)
    centres = 0.12 * rng.standard_normal((max(labels) + 1, layers, width), np.float32)
    return centres[np.asarray(labels)] + rng.standard_normal((n, layers, width), np.float32)


def features(root: Path, chosen: list[Clip], rows: np.ndarray) -> None:
    """Writes one .npy per clip as MARBLE v1's extractor does: float32 [layers, 1, width]."""
    for clip, row in zip(chosen, rows, strict=True):
        path = root / f'{clip.name}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, row[:, None])


class _Recordings:
    """Hands out recordings of a digit, each once; the official test part (0 to 4) for tests."""

    def __init__(self, folder: Path):
        paths = sorted(folder.glob('*_*_*.wav'))
        if not paths:
            raise SystemExit(f'no spoken digits at {folder}: give --recordings=DIR')
        random.Random(0).shuffle(paths)
        self._left: dict[tuple[int, bool], Iterator[Path]] = {
            (digit, test): iter([p for p in paths if _of(p) == (digit, test)])
            for digit in range(10)
            for test in (False, True)
        }

    def take(self, clip: Clip) -> Path:
        found = next(self._left[clip.label, clip.split == 'test'], None)
        return found or next(self._left[clip.label, clip.split != 'test'])


def _of(path: Path) -> tuple[int, bool]:
    digit, _, number = path.stem.split('_')
    return int(digit), int(number) < 5


def _row(path: Path) -> dict[str, object]:
    return {
        'audio_path': str(path),
        'label': path.parent.name,
        'duration': 1.0,
        'sample_rate': RATE,
        'num_samples': RATE,
        'bit_depth': 16,
        'channels': 1,
    }
