"""GTZAN rhythm: beats and downbeats of the half-minutes of GTZAN.

Audio, split and broken items are those of `tasks/gtzan.py`. Annotations are read as their owner
packs them, GTZAN-Rhythm_v2_ismir2015_lbd (`jams/blues.00000.wav.jams`), or as text beside the
audio (`gtzan_tempo_beat-main/beats/gtzan_blues_00000.beats`: time and position in the bar), or in
MARBLE v2's lists (`jsonl`). Tempo is not read (reggae.00086 has none). Beats after 30 s, or after
the length the annotation gives the excerpt, are left out (reggae.00002 has some past its end); a
few excerpts have no downbeats.

The protocol is MARBLE v1's, whose own code for this task does not run (spec/tasks.md, T2), but for
what `DEPARTURES` says.

Frames are 25 a second: MuQ's own rate, and the one v2 uses for it. A frame is then 40 ms, so that
a beat can be placed within 20 ms at best: all that MARBLE's tolerance of 70 ms asks for, and just
within the papers' 20 ms. The store (30 s of 13 layers of 1024 take 40 MB an excerpt in float32)
and the decoder's states grow with the rate, its time with the square: `frame_rate=75` is MERT's
rate and v1's, at three times the bytes and nine times the decoding.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import defaults, gtzan, marble_v2, owners, sidecars
from jaxprobe.tasks.base import Beats, DatasetCard, Item, Kind, Preparation, Task

LABELS = ('beat', 'downbeat')
SECONDS = 30.0  # Of an excerpt that are heard: three windows.

# Below the data directory; the first that is there is read.
JAMS = (
    'gtzan_rhythm/jams',
    'gtzan_rhythm/GTZAN-Rhythm_v2_ismir2015_lbd/jams',
    'GTZAN-Rhythm_v2_ismir2015_lbd/jams',
    'gtzan_genre/GTZAN-Rhythm_v2_ismir2015_lbd/jams',
    'gtzan_genre/jams',
)
BEATS = (
    'gtzan_genre/gtzan_tempo_beat-main/beats',  # As mirdata unpacks it.
    'gtzan_rhythm/gtzan_tempo_beat-main/beats',
    'gtzan_rhythm/beats',
)

DEPARTURES = (
    (
        'windows are fixed at 10 s, in training too (v1 crops 10 s anew every epoch, for which the '
        'encoder would have to run in every step); at evaluation the frames of three windows '
        'follow each other, where v1 encodes 30 s at once'
    ),
    (
        'the epoch is chosen by the loss of frames on validation (v1: by the F-measure of decoded '
        'beats in every epoch); among cells the one with the best beat_f on validation is selected'
    ),
    (
        'two sigmoid outputs with binary cross-entropy, beat and downbeat, as v2 has them (v1: a '
        'softmax over beat and other, no downbeats); in training the frames before and after '
        'count as well, as in v1'
    ),
    (
        'references are the annotated times, not times rounded to frames; 25 frames a second '
        '(v1: 75, frame_rate=75)'
    ),
)


def rhythm(jsonl: str = '') -> Task:
    """Beats and downbeats, F-measure within 70 ms pooled over excerpts, MARBLE v1's numbers.

    Args:
        jsonl: MARBLE v2's lists instead: the folder of GTZANBeatTracking.train.jsonl.
    """
    protocol = defaults.protocol(Kind.BEATS, window_seconds=10.0)
    task = Task(
        name='gtzan_rhythm',
        kind=Kind.BEATS,
        labels=LABELS,
        metrics=defaults.metrics(Kind.BEATS, LABELS),
        card=CARD,
        protocol=dataclasses.replace(protocol, plateau_patience=6),
        prepare=prepare,
        items=items,
    )
    if not jsonl:
        return task
    return marble_v2.task(
        task, jsonl, 'GTZANBeatTracking', _of_marble, duration=SECONDS, notes=DEPARTURES
    )


def prepare(data_dir: Path) -> Preparation:
    """Looks for audio and annotations, and says what the annotations lack."""
    notes: list[str] = []
    look = owners.preparing(CARD, Kind.BEATS, LABELS, lambda at: _read(at, notes), notes=DEPARTURES)
    found = look(data_dir)
    return dataclasses.replace(found, notes=(*found.notes, *notes))


def items(data_dir: Path) -> list[Item]:
    """Lists the annotated excerpts of the split, by part, genre and number.

    Raises:
        DataError: audio or annotations are not there, or an annotation cannot be read.
    """
    return _read(data_dir, [])


def _read(data_dir: Path, notes: list[str]) -> list[Item]:
    """Items; remarks are added to `notes`."""
    audio = gtzan.items(data_dir)
    folder, name_of = _annotations(data_dir)
    listed, absent, late, plain = [], [], {}, []
    for item in audio:
        path = folder / name_of(item.id)
        if not path.is_file():
            absent.append(item.id)
            continue
        target, dropped = _target(path)
        if dropped:
            late[item.id] = dropped
        if not target.downbeats:
            plain.append(item.id)
        listed.append(dataclasses.replace(item, target=target, duration=SECONDS))
    if not listed:
        raise DataError(f'{folder} holds none of the annotations of the split. {CARD.how_to_get}')
    if absent:
        notes.append(f'{len(absent)} excerpts have no annotation: {_some(absent)}')
    if late:
        notes.append(
            f'{sum(late.values())} beats lie after the end of what is heard and are left out, in '
            f'{len(late)} excerpts: {_some(list(late))}'
        )
    if plain:
        notes.append(
            f'{len(plain)} excerpts have no downbeats: {_some(plain)}. Theirs are taken for '
            f'unknown: neither trained on nor scored.'
        )
    return listed


def _annotations(data_dir: Path) -> tuple[Path, Any]:
    """The folder of annotations, and how the file of an excerpt is called in it."""
    for place in JAMS:
        if (data_dir / place).is_dir():
            return data_dir / place, '{}.wav.jams'.format
    for place in BEATS:
        if (data_dir / place).is_dir():
            return data_dir / place, lambda name: f'gtzan_{name.replace(".", "_")}.beats'
    raise DataError(
        f'the annotations of GTZAN-Rhythm are not below {data_dir}: none of '
        f'{", ".join((*JAMS, *BEATS))} is there. {CARD.how_to_get}'
    )


def _target(path: Path) -> tuple[Beats, int]:
    """Beats of an excerpt, and how many lie after its end."""
    if path.suffix != '.jams':
        return sidecars.beats_within(sidecars.beats(path), 0.0, SECONDS)
    file = sidecars.jams(path)
    length = (file.get('file_metadata') or {}).get('duration')
    known = float(length) if isinstance(length, (int, float)) and length > 0 else SECONDS
    whole = sidecars.beats_of_jams(file, str(path))
    return sidecars.beats_within(whole, 0.0, min(known, SECONDS))


def _of_marble(value: Any) -> Beats:
    """MARBLE v2's label, {"beat": [s, ...], "downbeat": [s, ...], ...}, as far as it is heard.

    Raises:
        ValueError: it is no such object.
    """
    if not isinstance(value, dict) or not isinstance(value.get('beat'), list):
        raise ValueError('is not an object with lists `beat` and `downbeat`')
    times = [tuple(float(t) for t in value.get(name) or ()) for name in LABELS]
    if any(list(own) != sorted(set(own)) for own in times):
        raise ValueError('has times that do not ascend')
    return sidecars.beats_within(Beats(*times), 0.0, SECONDS)[0]


def _some(names: Sequence[str]) -> str:
    from jaxprobe.tasks import audit  # Brings numpy, which listing tasks does without.

    return audit.some(names)


CARD = DatasetCard(
    name='gtzan_rhythm',
    title='GTZAN-Rhythm, beats and downbeats, fault-filtered split',
    homepage='http://anasynth.ircam.fr/home/media/GTZAN-rhythm',
    licence='annotations: see the homepage; audio: excerpts of commercial recordings, for research',
    citation=(
        'U. Marchand, Q. Fresnel and G. Peeters. GTZAN-Rhythm: extending the GTZAN test-set with '
        'beat, downbeat and swing annotations. ISMIR late-breaking session, 2015. Audio: '
        + gtzan.CARD.citation
    ),
    how_to_get=(
        'Audio as for gtzan_genre. Take GTZAN-Rhythm_v2_ismir2015_lbd from the homepage and put '
        'its folder jams at gtzan_rhythm/jams below the data directory (blues.00000.wav.jams), '
        'or the texts of github.com/TempoBeatDownbeat/gtzan_tempo_beat at '
        'gtzan_genre/gtzan_tempo_beat-main/beats.'
    ),
    folder='gtzan_genre',
    split_source=gtzan.CARD.split_source,
    items=gtzan.CARD.items,
    hours=gtzan.CARD.hours,
    broken=gtzan.BROKEN,
    departures=DEPARTURES,
)
