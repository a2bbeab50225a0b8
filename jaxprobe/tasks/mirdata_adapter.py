"""Any data set that mirdata knows: `mirdata:<data set>`, with the field that is the target.

    config.tasks = {'mirdata:gtzan_genre': {'target': 'genre'}}
    config.tasks = {'mirdata:gtzan_genre/beats': {'kind': 'beats'}}   # Two tasks of one data set.
    jaxprobe prepare mirdata:tinysol/instrument_full

Nothing is downloaded here: mirdata does that, index included, into a folder named like the data
set below the data directory,

    mirdata.initialize('gtzan_genre', data_home='data/gtzan_genre').download()

Splits (`split`): `auto` takes mirdata's own (`get_track_splits`: parts, or folds of which the first
validates, the second is the test and the others train, as mir_ref reads them) and where there are
none, `sha1`: 80/10/10 by the sha1 of the field `group`, or of the track where none is named.
`random` is mirdata's `get_random_track_splits` with seed 42, blind to groups. Any other word is a
field of the track that says train, valid or test. Where there is no validation part it is drawn
from training by sha1, a tenth.
"""

import functools
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import collected, defaults, drawn
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Task
from jaxprobe.tasks.collected import Collected, Found

SHARES, SEED = (0.8, 0.1, 0.1), 42


def task(
    dataset: str,
    data_dir: Path,
    target: str = '',
    kind: str = 'multiclass',
    group: str = '',
    split: str = 'auto',
    audio: str = 'audio_path',
    version: str = 'default',
    index: str = '',
) -> Task:
    """A task made of a mirdata data set.

    Args:
        dataset: its name at mirdata; `name/field` names the target as well.
        data_dir: where data sets lie, this one in a folder of its name.
        target: field of a track, dotted: 'genre', 'genres.genres'; for a regression several,
            separated by commas.
        kind: 'multiclass', 'multilabel', 'regression', 'key', 'beats' or 'frames'.
        group: field that names the artist, singer or song.
        split: see the module.
        audio: field that holds the path of the audio.
        version: of the data set.
        index: an index file in place of mirdata's own.

    Raises:
        ConfigError: mirdata is not installed, or knows no such data set, kind or field.
    """
    name, _, field = dataset.partition('/')
    target = target or field
    if not target:
        raise ConfigError(
            f'mirdata:{name} needs the field of a track to learn: write mirdata:{name}/FIELD, or '
            f"the option target ('genre', 'tempo', 'beats', 'key', ...)."
        )
    known = [kind.value for kind in collected.KINDS]
    if kind not in known:
        raise ConfigError(f'mirdata:{name}: kind {kind!r} is unknown. {suggest(kind, known)}')
    loader = _Loader(name, target, Kind(kind), group, split, audio, version, index)
    try:
        made, status = loader.collect(data_dir), 'works'
    except DataError:  # Said by `prepare`, and by whoever asks for items.
        made, status = Collected((), [], ()), 'needs data'
    card = loader.card(made)

    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit  # Brings numpy.

        try:
            found = loader.collect(data_dir)
        except DataError as error:
            return Preparation(
                usable=False,
                found=dict.fromkeys(SPLITS, 0),
                expected=dict.fromkeys(SPLITS, 0),
                notes=(str(error),),
            )
        return audit.survey(found.items, Kind(kind), made.labels, notes=found.notes)

    def items(data_dir: Path) -> list[Item]:
        return list(loader.collect(data_dir).items)

    return Task(
        name=safe_name('mirdata', name, target),
        kind=Kind(kind),
        labels=made.labels,
        metrics=defaults.metrics(Kind(kind), made.labels),
        card=card,
        protocol=defaults.protocol(Kind(kind)),
        prepare=prepare,
        items=items,
        options={'dataset': name, 'target': target, 'kind': kind},
        status=status,
    )


def safe_name(*parts: str) -> str:
    """A name for files and tables: letters, digits and underscores.

    >>> safe_name('tfds', 'nsynth/full', 'instrument/family')
    'tfds_nsynth_full_instrument_family'
    """
    return '_'.join(''.join(c if c.isalnum() else '_' for c in part.lower()) for part in parts)


class _Loader:
    """Reads a data set through mirdata, once per data directory."""

    def __init__(
        self,
        name: str,
        target: str,
        kind: Kind,
        group: str,
        split: str,
        audio: str,
        version: str,
        index: str,
    ):
        self._mirdata = installed()
        if name not in self._mirdata.list_datasets():
            known = self._mirdata.list_datasets()
            raise ConfigError(f'mirdata has no data set {name!r}. {suggest(name, known)}')
        self._name, self._kind, self._split = name, kind, split
        self._fields = [field.strip() for field in target.split(',') if field.strip()]
        self._group, self._audio = group, audio
        self._version, self._index = version, index
        self._trouble: Counter[str] = Counter()
        self.collect = functools.cache(self._collect)

    def _open(self, data_dir: Path) -> Any:
        home = data_dir / self._name
        try:
            dataset = self._mirdata.initialize(self._name, str(home), version=self._version)
        except ValueError as error:
            raise ConfigError(f'mirdata:{self._name}: {error}') from None
        if self._index:
            dataset.index_path = os.path.expanduser(self._index)
        if not home.is_dir():
            raise DataError(f'{home} is not there. {self._how_to_get()}')
        return dataset

    def _collect(self, data_dir: Path) -> Collected:
        dataset = self._open(data_dir)
        self._trouble.clear()
        try:
            tracks = dataset.load_tracks()
            splits, rule = self._splits(dataset, tracks)
            found = [self._found(tracks[name], splits[name]) for name in tracks if name in splits]
        except (FileNotFoundError, NotImplementedError) as error:
            raise DataError(
                f'mirdata:{self._name} in {data_dir / self._name}: {error} {self._how_to_get()}'
            ) from None
        names = [field.rpartition('.')[2] for field in self._fields]
        troubles = [
            f'mirdata cannot read {count} fields: {error}'
            for error, count in self._trouble.most_common(3)
        ]
        try:
            made = collected.collect(found, self._kind, names=names)
        except DataError as error:
            raise DataError(' '.join([str(error), *troubles])) from None
        return made._replace(notes=(f'split: {rule}', *made.notes, *troubles))

    def _found(self, track: Any, split: str) -> Found:
        values = [self._field(track, field) for field in self._fields]
        path = self._field(track, self._audio)
        return Found(
            id=str(track.track_id),
            path=Path(path or f'{track.track_id}.is-not-in-the-index'),
            split=split,
            value=values[0] if len(values) == 1 else values,
            group=str(self._field(track, self._group) or '') if self._group else '',
        )

    def _field(self, track: Any, field: str) -> Any:
        try:
            return collected.follow(track, field)
        except KeyError as error:
            words, known = error.args
            raise ConfigError(
                f'mirdata:{self._name}: {words}. {suggest(field.split(".")[0], known)}'
            ) from None
        except Exception as error:  # mirdata's own parser, on a file that it may not like.
            self._trouble[f'{type(error).__name__}: {error}'] += 1
            return None

    def _splits(self, dataset: Any, tracks: Mapping[str, Any]) -> tuple[dict[str, str], str]:
        """Track -> part, and how that was decided."""
        if self._split == 'random':
            parts = dataset.get_random_track_splits(list(SHARES), SEED, list(SPLITS))
            random = {str(name): split for split, names in parts.items() for name in names}
            return random, f"mirdata's random split, 80:10:10, seed {SEED}"
        if self._split not in ('auto', 'own', 'sha1'):
            parts = {n: collected.part(self._field(t, self._split)) for n, t in tracks.items()}
            whole = {name: split for name, split in parts.items() if split}
            if not whole:
                raise ConfigError(
                    f'mirdata:{self._name}: field {self._split!r} says train, valid or test of no '
                    f'track. Splits: auto, own, sha1, random, or a field that does.'
                )
            return self._validated(whole, tracks, f'the field {self._split}')
        own = self._own(dataset, tracks) if self._split != 'sha1' else {}
        if own:
            return self._validated(own, tracks, "mirdata's own")
        if self._split == 'own':
            raise ConfigError(
                f'mirdata:{self._name} has no split of its own: use split=sha1 or random.'
            )
        by = f'the field {self._group}' if self._group else 'the track'
        rule = f'80:10:10 by the sha1 of {by}'
        return {name: drawn.part(self._drawn_by(track)) for name, track in tracks.items()}, rule

    def _own(self, dataset: Any, tracks: Mapping[str, Any]) -> dict[str, str]:
        try:
            parts = dataset.get_track_splits()
        except (NotImplementedError, AttributeError):
            return {}
        numbered = sorted(key for key in parts if str(key).isdigit())
        folds = {key: SPLITS[(1, 2)[k] if k < 2 else 0] for k, key in enumerate(numbered)}
        if numbered and len(numbered) < len(SPLITS):
            return {}
        named = {key: folds.get(key) or collected.part(key) for key in parts}
        return {
            str(name): named[key] for key, names in parts.items() for name in names if named[key]
        }

    def _validated(
        self, splits: dict[str, str], tracks: Mapping[str, Any], rule: str
    ) -> tuple[dict[str, str], str]:
        """Draws a validation part from training where there is none."""
        if 'valid' in splits.values():
            return splits, rule
        drawn_ones = {
            name
            for name, split in splits.items()
            if split == 'train' and drawn.part(self._drawn_by(tracks[name])) == 'valid'
        }
        splits = {name: 'valid' if name in drawn_ones else split for name, split in splits.items()}
        return splits, f'{rule}; a tenth of training validates, by sha1'

    def _drawn_by(self, track: Any) -> str:
        group = self._field(track, self._group) if self._group else None
        return str(group or track.track_id)

    def _how_to_get(self) -> str:
        return (
            f"mirdata gets it: mirdata.initialize('{self._name}', data_home='DATA_DIR/"
            f"{self._name}').download(), or says how to by itself."
        )

    def card(self, made: Collected) -> DatasetCard:
        """What mirdata and the recordings say."""
        dataset = self._mirdata.initialize(self._name)
        return DatasetCard(
            name=f'mirdata_{self._name}',
            title=f'{self._name}, through mirdata',
            homepage=str(dataset.readme),
            licence=str(dataset._license_info or 'not stated by mirdata'),
            citation=str(dataset.bibtex or 'not stated by mirdata').strip(),
            how_to_get=self._how_to_get(),
            folder=self._name,
            split_source=next(iter(made.notes), f'split={self._split}').removeprefix('split: '),
            items={s: sum(i.split == s for i in made.items) for s in SPLITS} if made.items else {},
            hours=0.0,
        )


def installed() -> Any:
    """The library.

    Raises:
        ConfigError: it is not installed; the extra that brings it is named.
    """
    try:
        import mirdata
    except ImportError:
        raise ConfigError(
            'mirdata is not installed: tasks named mirdata:... need the extra of that name, '
            "`pip install 'jaxprobe[mirdata]'`."
        ) from None
    return mirdata
