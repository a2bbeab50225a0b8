"""Synthetic collections on disk: made once, resumed where they were left, the same everywhere.

`<data_dir>/synth/<collection>-v<version>-s<seed>/<split>/00000.wav`, 16 bit mono, and beside
them an index that says what each clip is, for people and for other programs. A longer list of
clips continues a shorter one, so demos and full runs share files.
"""

import csv
import functools
import hashlib
import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import fs
from jaxprobe.core.errors import DataError
from jaxprobe.tasks import synth_facts, synth_render, synth_words
from jaxprobe.tasks.base import SPLITS, Item, Target
from jaxprobe.tasks.synth_sound import RATE

Clip = synth_facts.NoteClip | synth_facts.PhraseClip
_HEADER_BYTES = 44

# What each task asks of a clip.
TARGETS: dict[str, Callable[[Any], Target]] = {
    'synth_pitch': lambda clip: clip.pitch_class,
    'synth_instrument': lambda clip: clip.instrument,
    'synth_key': lambda clip: clip.tonic + (12 if clip.mode == 'minor' else 0),
    'synth_tags': lambda clip: tuple(k for k, t in enumerate(synth_words.TAGS) if t in clip.tags),
    'synth_emotion': lambda clip: (clip.arousal, clip.valence),
}


class Corpus(NamedTuple):
    """Which clips: 'notes' or 'phrases', clips per split (train, valid, test), seed."""

    collection: str
    items: tuple[int, int, int]
    seed: int = 0

    @property
    def folder(self) -> str:
        """Where it lives below the data directory."""
        return synth_words.folder(self.collection, self.seed)

    @property
    def index(self) -> str:
        """Its index, below the data directory."""
        return f'{self.folder}/index-{"-".join(map(str, self.items))}.csv'


@functools.lru_cache(maxsize=8)
def clips(corpus: Corpus) -> tuple[tuple[str, str, Clip], ...]:
    """Facts of every clip: (path below the data directory, split, clip)."""
    draw = getattr(synth_facts, f'{corpus.collection.removesuffix("s")}_clip')
    return tuple(
        (f'{corpus.folder}/{split}/{i:05d}.wav', split, draw(corpus.seed, split, i))
        for split, count in zip(SPLITS, corpus.items, strict=True)
        for i in range(count)
    )


def make(corpus: Corpus, data_dir: Path) -> int:
    """Writes the clips that are not there yet, and the index; returns how many were written.

    A clip of the right size is taken as it is; files appear whole or not at all, so a killed
    run is continued by the next.
    """
    expected = _HEADER_BYTES + 2 * synth_render.SAMPLES
    todo = [
        (data_dir / path, clip)
        for path, _, clip in clips(corpus)
        if not _has_size(data_dir / path, expected)
    ]
    for split in SPLITS:
        (data_dir / corpus.folder / split).mkdir(parents=True, exist_ok=True)
        fs.sweep(data_dir / corpus.folder / split)
    render: Callable[..., synth_render.Clip] = getattr(
        synth_render, f'{corpus.collection.removesuffix("s")}_clip'
    )
    for path, clip in _progress(todo, f'synth {corpus.collection}'):
        fs.write_bytes(path, wav_bytes(render(clip)), durable=False)
    if not is_made(corpus, data_dir):
        fs.write_bytes(data_dir / corpus.index, index_bytes(corpus))
    return len(todo)


def items(corpus: Corpus, task: str, data_dir: Path) -> list[Item]:
    """Lists the clips with the targets of a task.

    Raises:
        DataError: they have not been made.
    """
    if not is_made(corpus, data_dir):
        raise DataError(
            f'{task}: {data_dir / corpus.index} is not there, or not as it should be. Make the '
            f'clips with `jaxprobe prepare {task} --data_dir={data_dir}`.'
        )
    return [
        Item(
            id=f'{split}-{Path(path).stem}',
            path=data_dir / path,
            split=split,
            target=TARGETS[task](clip),
            group=clip.session.name,
        )
        for path, split, clip in clips(corpus)
    ]


def is_made(corpus: Corpus, data_dir: Path) -> bool:
    """Whether the index, written last, is there and says what it should (by its sha256)."""
    path = data_dir / corpus.index
    return path.is_file() and fs.sha256(path) == hashlib.sha256(index_bytes(corpus)).hexdigest()


def index_bytes(corpus: Corpus) -> bytes:
    """A CSV with the facts of every clip; numbers have 6 decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    rows = [_facts(path, split, clip) for path, split, clip in clips(corpus)]
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode()


def wav_bytes(samples: synth_render.Clip) -> bytes:
    """A RIFF file with one 16 bit channel at `synth_sound.RATE`."""
    file = io.BytesIO()
    with wave.open(file, 'wb') as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype('<i2').tobytes())
    return file.getvalue()


def _facts(path: str, split: str, clip: Clip) -> dict[str, str]:
    facts = {'path': '/'.join(path.split('/')[-2:]), 'split': split, 'group': clip.session.name}
    if isinstance(clip, synth_facts.NoteClip):
        return facts | {
            'pitch_class': synth_words.PITCH_CLASSES[clip.pitch_class],
            'octave': str(clip.octave),
            'instrument': synth_words.INSTRUMENTS[clip.instrument],
        }
    return facts | {
        'key': f'{synth_words.PITCH_CLASSES[clip.tonic]} {clip.mode}',
        'bpm': f'{clip.bpm:.6f}',
        'tags': '|'.join(sorted(clip.tags)),
        'lead': clip.lead,
        'arousal': f'{clip.arousal:.6f}',
        'valence': f'{clip.valence:.6f}',
    }


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _progress(todo: list, what: str) -> Iterator:
    """A bar where someone is watching."""
    if not todo:
        return iter(())
    from tqdm import tqdm

    return iter(tqdm(todo, desc=what, unit='clip', disable=None, leave=False))
