"""NSynth: four seconds of one note; which instrument family, and which pitch.

Splits are the owner's, and no instrument of validation or test is heard in training. Labels come
from the `examples.json` of each part. Two things to know when reading scores: the family
synth_lead is in training only, and MARBLE's pitch labels are MIDI pitch - 1 with 128 outputs,
of which about 110 occur.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import defaults, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Protocol, Task

FAMILIES = (
    'bass', 'brass', 'flute', 'guitar', 'keyboard', 'mallet', 'organ', 'reed', 'string',
    'synth_lead', 'vocal',
)  # fmt: skip
PITCHES = tuple(f'MIDI {pitch}' for pitch in range(1, 129))

_PLACES = ('nsynth', 'NSynth', '.')
_SYNTH_LEAD = 'synth_lead has examples in training only: no score here says how well it is told'
_FOLDER = 'nsynth-{}'  # Of a part; 'nsynth-train' holds examples.json and audio/.

CARD = DatasetCard(
    name='nsynth',
    title='NSynth, musical notes',
    homepage='https://magenta.withgoogle.com/datasets/nsynth',
    licence='CC BY 4.0',
    citation=(
        'J. Engel, C. Resnick, A. Roberts, S. Dieleman, D. Eck, K. Simonyan and M. Norouzi. Neural '
        'audio synthesis of musical notes with WaveNet autoencoders. ICML 2017.'
    ),
    how_to_get=(
        'From magenta.withgoogle.com/datasets/nsynth take nsynth-train, nsynth-valid and '
        'nsynth-test.jsonwav.tar.gz and unpack them in nsynth below the data directory: '
        'nsynth/nsynth-train/examples.json and nsynth/nsynth-train/audio.'
    ),
    folder='nsynth',
    split_source="the owner's: nsynth-train, nsynth-valid, nsynth-test; instruments are disjoint",
    items={'train': 289205, 'valid': 12678, 'test': 4096},
    hours=340.0,  # 305 979 notes of 4 s.
)


def instrument() -> Task:
    """11 instrument families, accuracy per note, MARBLE v1's numbers."""
    return _task('nsynth_instrument', FAMILIES, _family, (_SYNTH_LEAD,))


def pitch() -> Task:
    """128 MIDI pitches, accuracy per note, MARBLE v1's numbers."""
    return _task('nsynth_pitch', PITCHES, _pitch, ())


_ReadTarget = Callable[[dict[str, Any]], int]


def _task(name: str, labels: tuple[str, ...], read: _ReadTarget, notes: tuple[str, ...]) -> Task:
    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, read)

    return Task(
        name=name,
        kind=Kind.MULTICLASS,
        labels=labels,
        metrics=defaults.metrics(Kind.MULTICLASS, labels),
        card=CARD,
        protocol=Protocol(
            monitor='accuracy',
            epochs=50,
            plateau_patience=3,
            stop_patience=10,
            window_seconds=4.0,
        ),
        prepare=owners.preparing(CARD, Kind.MULTICLASS, labels, listed, notes=notes),
        items=listed,
    )


def items(data_dir: Path, read: _ReadTarget) -> list[Item]:
    """Lists the notes by split and name.

    Args:
        data_dir: where data sets lie.
        read: from a note's entry in examples.json to its target.

    Raises:
        DataError: a part is not there, or a note lacks its label.
    """
    place = owners.root(data_dir, _PLACES, _FOLDER.format('train'), CARD)
    found = []
    for split in SPLITS:
        folder = place / _FOLDER.format(split)
        notes = owners.json_object(folder / 'examples.json')
        for name in sorted(notes):
            try:
                target, source = read(notes[name]), str(notes[name]['instrument_str'])
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f'{folder}/examples.json, note {name}: {_words(error)}.') from None
            found.append(Item(name, folder / 'audio' / f'{name}.wav', split, target, group=source))
    return found


def _family(note: dict[str, Any]) -> int:
    family = note['instrument_family_str']
    if family not in FAMILIES:
        raise ValueError(f'instrument_family_str {family!r} is none of the 11')
    return FAMILIES.index(family)


def _pitch(note: dict[str, Any]) -> int:
    pitch = int(note['pitch'])
    if not 1 <= pitch <= len(PITCHES):
        raise ValueError(f'pitch {pitch} is not 1 to 128')
    return pitch - 1


def _words(error: Exception) -> str:
    return f'lacks {error}' if isinstance(error, KeyError) else str(error)
