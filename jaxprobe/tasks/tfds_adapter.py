"""Any audio data set that TensorFlow Datasets has prepared in array_record format: `tfds:<name>`.

    config.tasks = {'tfds:gtzan': {'label': 'label', 'group': 'audio/filename'}}
    config.tasks = {'tfds:nsynth': {'label': 'instrument/family'}}
    jaxprobe prepare tfds:nsynth --option label=pitch

The directory lies below the data directory as TFDS makes it: tfds/<name>/[<config>/]<version>, or
the same without `tfds`, or in tensorflow_datasets. It is read without TensorFlow and without TFDS
(`tfds_directory.py` says why); to prepare one needs both, elsewhere.

Records hold audio as numbers, and we decode files. So `prepare` writes them out, once: one wav per
record in tfds_audio/<name>-<fingerprint> below the data directory, and records.json with everything
else that records say. Each file appears whole or not at all, and what is there is not written
again; a directory that is prepared anew has another fingerprint, and gets a folder of its own.

Samples keep their values: integers become PCM of 16 bits (32 where they do not fit), floats a float
wav. Audio that TFDS stores undecoded (`lazy_decode`) is written as the file that it is.

Splits keep their names (train, valid or validation, test). Where a data set has fewer they are
drawn, by the sha1 of the feature `group` or else of the record's place: all three parts 80/10/10
from a data set that has one, validation as a tenth of training where only that lacks.
`splits=train:train,valid:test` says otherwise: ours, then TFDS's.
"""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import collected, defaults, drawn
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Task
from jaxprobe.tasks.collected import Collected, Found
from jaxprobe.tasks.mirdata_adapter import safe_name

KINDS = (Kind.MULTICLASS, Kind.MULTILABEL, Kind.REGRESSION, Kind.KEY)
FOLDER, TABLE = 'tfds_audio', 'records.json'

_PLACES = ('tfds', 'tensorflow_datasets', '.')
_LONG = 64  # Values of a feature; longer ones are no label and stay in the records.


def task(
    dataset: str,
    data_dir: Path,
    label: str = '',
    kind: str = 'multiclass',
    group: str = '',
    audio: str = 'audio',
    splits: str = '',
    rate: int = 0,
) -> Task:
    """A task made of a directory that TFDS has prepared.

    Args:
        dataset: 'gtzan', 'nsynth/full', 'nsynth/full/2.3.3': the newest version unless named.
        data_dir: where data sets lie.
        label: the feature to learn: 'label', 'instrument/family'; several separated by commas
            for a regression.
        kind: 'multiclass', 'multilabel', 'regression' or 'key'.
        group: feature that names the artist, singer or song.
        audio: feature that holds the audio.
        splits: see the module.
        rate: Hz, where the data set does not say.

    Raises:
        ConfigError: no such kind or feature.
    """
    known = [kind.value for kind in KINDS]
    if kind not in known:
        raise ConfigError(f'tfds:{dataset}: kind {kind!r} cannot be read. {suggest(kind, known)}')
    if not label:
        raise ConfigError(
            f'tfds:{dataset} needs the feature to learn: the option label ("label", '
            f'"instrument/family", ...).'
        )
    loader = _Loader(dataset, label, Kind(kind), group, audio, splits, rate)
    try:
        made, status = loader.collect(data_dir), 'works'
    except DataError:  # Said by `prepare`, and by whoever asks for items.
        made, status = Collected((), [], ()), 'needs data'

    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit  # Brings numpy.

        try:
            said = loader.export(data_dir)
            found = loader.collect(data_dir)
        except DataError as error:
            return Preparation(
                usable=False,
                found=dict.fromkeys(SPLITS, 0),
                expected=dict.fromkeys(SPLITS, 0),
                notes=(str(error),),
            )
        notes = (*found.notes, *said)
        return audit.survey(found.items, Kind(kind), made.labels, notes=notes)

    def items(data_dir: Path) -> list[Item]:
        return list(loader.collect(data_dir).items)

    return Task(
        name=safe_name('tfds', dataset, label),
        kind=Kind(kind),
        labels=made.labels,
        metrics=defaults.metrics(Kind(kind), made.labels),
        card=loader.card(data_dir, made),
        protocol=defaults.protocol(Kind(kind)),
        prepare=prepare,
        items=items,
        options={'dataset': dataset, 'label': label, 'kind': kind},
        status=status,
    )


class _Loader:
    """Reads one prepared directory, once per data directory."""

    def __init__(
        self, name: str, label: str, kind: Kind, group: str, audio: str, splits: str, rate: int
    ):
        self._name, self._kind = name, kind
        self._fields = [field.strip() for field in label.split(',') if field.strip()]
        self._group, self._audio, self._rate = group, audio, rate
        self._wanted = _mapping(name, splits)
        self.collect = functools.cache(self._collect)

    def _open(self, data_dir: Path) -> Any:
        from jaxprobe.tasks.tfds_directory import INFO, Directory  # Brings numpy.

        for place in _PLACES:
            folder = data_dir / place / self._name
            if (folder / INFO).is_file():
                return self._checked(Directory(folder))
            inside = sorted((p.parent for p in folder.glob(f'**/{INFO}')), key=_version)
            configs = sorted({str(p.parent.relative_to(folder)) for p in inside} - {'.'})
            if len(configs) > 1:
                raise ConfigError(
                    f'{folder} holds {len(configs)} configurations; name one of them: '
                    + ', '.join(f'tfds:{self._name}/{config}' for config in configs)
                )
            if inside:
                return self._checked(Directory(inside[-1]))
        raise DataError(
            f'tfds:{self._name} is not below {data_dir}: none of {", ".join(_PLACES)} holds '
            f'{self._name}/[<config>/]<version>/{INFO}. {self._how_to_get()}'
        )

    def _checked(self, directory: Any) -> Any:
        """Refuses features that are not there, in one place."""
        for field in (*self._fields, self._group, self._audio):
            if field and field not in directory.features:
                raise ConfigError(
                    f'tfds:{self._name} has no feature {field!r}. '
                    f'{suggest(field, directory.features)}'
                )
        return directory

    def _collect(self, data_dir: Path) -> Collected:
        directory = self._open(data_dir)
        home = self._home(data_dir, directory)
        rows, rule = self._split(self._rows(directory, home))
        found = [self._found(row, split, home) for row, split in rows]
        own = [directory.features[field] for field in self._fields]
        labels = own[0].labels if len(own) == 1 and self._kind in KINDS[:2] else ()
        made = collected.collect(found, self._kind, names=self._fields, labels=labels)
        return made._replace(notes=(f'split: {rule}', *made.notes))

    def _found(self, row: Mapping[str, Any], split: str, home: Path) -> Found:
        values = [row['values'].get(field) for field in self._fields]
        value = values[0] if len(values) == 1 else values
        group = str(row['values'].get(self._group) or '') if self._group else ''
        return Found(row['id'], home / row['file'], split, value, group)

    def _rows(self, directory: Any, home: Path) -> list[dict[str, Any]]:
        """Everything but audio: of the table that `export` wrote, or else of the records."""
        try:
            return fs.read_json(home / TABLE)
        except (OSError, ValueError):
            rows = (row for row, _ in self._records(directory))
            return list(rows)

    def _records(self, directory: Any) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """Yields (row, raw audio) for every record."""
        from jaxprobe.tasks import tfds_directory

        suffix = self._suffix(directory.features[self._audio])
        for split in directory.splits:
            for k, record in enumerate(directory.records(split)):
                values = {
                    name: tfds_directory.value(directory.features[name], raw)
                    for name, raw in record.items()
                    if name in directory.features and name != self._audio and len(raw) <= _LONG
                }
                name = f'{split}/{k:06d}'
                row = {'id': name, 'file': f'{name}.{suffix}', 'split': split, 'values': values}
                yield row, record.get(self._audio, [])

    def _split(self, rows: list[dict[str, Any]]) -> tuple[list[tuple[dict, str]], str]:
        """Gives every row its part, or leaves it out; and says by what rule."""
        names = {str(row['split']) for row in rows}
        if self._wanted:
            ours = {theirs: split for split, theirs in self._wanted.items() if theirs in names}
            lacking = set(self._wanted.values()) - names
            if lacking:
                raise ConfigError(
                    f'tfds:{self._name} has no split {", ".join(sorted(lacking))}; it has '
                    f'{", ".join(sorted(names))}.'
                )
        else:
            ours = {name: collected.part(name) for name in names}
        parts = [ours.get(str(row['split']), '') for row in rows]
        rule = 'the directory: ' + ', '.join(f'{o} from {t}' for t, o in sorted(ours.items()) if o)
        by = f'the sha1 of {self._group or "the place in the directory"}'
        if set(parts) - {''} == {'train'}:
            parts = [part and drawn.part(self._drawn_by(row)) for part, row in zip(parts, rows)]
            rule = f'80:10:10 by {by}, of the one split there is'
        elif 'valid' not in parts:
            parts = [
                'valid' if part == 'train' and drawn.part(self._drawn_by(row)) == 'valid' else part
                for part, row in zip(parts, rows)
            ]
            rule += f'; a tenth of training validates, by {by}'
        return [(row, part) for row, part in zip(rows, parts) if part], rule

    def _drawn_by(self, row: Mapping[str, Any]) -> str:
        return str(row['values'].get(self._group) or row['id'])

    def _home(self, data_dir: Path, directory: Any) -> Path:
        named = safe_name(self._name, *([] if self._audio == 'audio' else [self._audio]))
        return data_dir / FOLDER / f'{named}-{directory.fingerprint[:12]}'

    def _suffix(self, feature: Any) -> str:
        lazy = feature.of.get('lazyDecode', False)
        return str(feature.of.get('fileFormat') or 'audio') if lazy else 'wav'

    def export(self, data_dir: Path) -> tuple[str, ...]:
        """Writes the audio of all records that are not there yet, then the table; says so.

        Raises:
            DataError: the disk is full or unwritable, or a record cannot be read.
        """
        directory = self._open(data_dir)
        home = self._home(data_dir, directory)
        if (home / TABLE).is_file():
            return (f'audio: {home}',)
        rows, written = [], 0
        try:
            for row, raw in self._records(directory):
                path = home / row['file']
                if not path.is_file():
                    self._write(path, directory.features[self._audio], raw)
                    written += 1
                rows.append(row)
            fs.write_bytes(home / TABLE, json.dumps(rows).encode())
        except OSError as error:
            raise DataError(
                f'audio of tfds:{self._name} cannot be written to {home}: '
                f'{error.strerror or error}. What is written stays; free some room, or choose '
                f'another data directory.'
            ) from None
        self.collect.cache_clear()
        return (f'audio: wrote {written} of {len(rows)} records as files in {home}',)

    def _write(self, path: Path, feature: Any, raw: list[Any]) -> None:
        from jaxprobe.tasks import tfds_directory

        if feature.of.get('lazyDecode', False):
            fs.write_bytes(path, raw[0])
            return
        rate = self._rate or int(feature.of.get('sampleRate') or 0)
        if not rate:
            raise ConfigError(
                f'tfds:{self._name} does not say the sample rate of {self._audio!r}: give the '
                f'option rate.'
            )
        _write_wav(path, tfds_directory.samples(feature, raw), rate)

    def _how_to_get(self) -> str:
        name = self._name.partition('/')[0]
        return (
            f'Where TensorFlow and tensorflow-datasets are installed, run `import '
            f"tensorflow_datasets as tfds; tfds.builder('{self._name}', data_dir='tfds', "
            f"file_format='array_record').download_and_prepare()` and put the folder tfds/{name} "
            f'below the data directory.'
        )

    def card(self, data_dir: Path, made: Collected) -> DatasetCard:
        """What the directory says of itself."""
        try:
            info = self._open(data_dir).info
        except DataError:
            info = {}
        urls = info.get('location', {}).get('urls', [])
        licence = info.get('redistributionInfo', {}).get('license', '')
        return DatasetCard(
            name=safe_name('tfds', self._name),
            title=f'{self._name} {info.get("version", "")}'.strip() + ', prepared by TFDS',
            homepage=next(iter(urls), 'https://www.tensorflow.org/datasets'),
            licence=licence or 'not stated by TFDS',
            citation=str(info.get('citation') or 'not stated by TFDS').strip(),
            how_to_get=self._how_to_get(),
            folder='tfds',
            split_source=next(iter(made.notes), self._name).removeprefix('split: '),
            items={s: sum(i.split == s for i in made.items) for s in SPLITS} if made.items else {},
            hours=0.0,
        )


def _mapping(name: str, splits: str) -> dict[str, str]:
    """Reads 'train:train,valid:validation': ours -> TFDS's."""
    pairs = [part.strip().partition(':') for part in splits.split(',') if part.strip()]
    found = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    if splits and (set(found) != set(SPLITS) - {'valid'} and set(found) != set(SPLITS)):
        raise ConfigError(
            f'tfds:{name}: splits={splits!r} is not train:NAME,valid:NAME,test:NAME (valid may be '
            f'left out: it is then drawn from training).'
        )
    return found


def _version(folder: Path) -> tuple[list[int], str]:
    """Orders folders named 2.3.3 by number."""
    parts = folder.name.split('.')
    return [int(part) if part.isdigit() else -1 for part in parts], str(folder)


def _write_wav(path: Path, samples: Any, rate: int) -> None:
    import numpy as np
    import soundfile

    if samples.dtype.kind == 'f':
        data, subtype = samples.astype(np.float32), 'FLOAT'
    else:
        limit = np.iinfo(np.int16)
        fits = samples.size == 0 or (limit.min <= samples.min() and samples.max() <= limit.max)
        width, subtype = (np.int16, 'PCM_16') if fits else (np.int32, 'PCM_32')
        data = samples.astype(width)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = fs.temporary_name(path)
    try:
        soundfile.write(temporary, data, rate, format='WAV', subtype=subtype)
        os.replace(temporary, path)  # Not fsynced one by one: the table comes last, and is.
    finally:
        temporary.unlink(missing_ok=True)
