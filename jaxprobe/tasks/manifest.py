"""The user's own data: a CSV or JSONL that says which file is in which split with which label.

    path,split,label              kind=multiclass, or kind=key (C major, Bb minor, F# min, Am)
    path,split,labels             kind=multilabel; labels are separated by |
    path,split,arousal,valence    kind=regression; every other numeric column, or `targets`
    path,split,annotation         kind=beats or kind=frames: a file beside the audio, .jams, .beats
                                  (time, position in the bar) or text (time label; a last label
                                  `end`; `-` does not count), see `tasks/sidecars.py`
    path,split,vocals,drums       kind=separation; stems='vocals,drums' names the columns

Paths are relative to the manifest. Splits are train, valid and test. Optional columns: `id`
(unique), `start` and `duration` in seconds, `group` (artist, singer, song). All mistakes are
reported in one message, with their lines.
"""

from pathlib import Path
from typing import Any

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.tasks import defaults, manifest_items
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Task


def own_data(
    manifest: str = '', kind: str = 'multiclass', targets: str = '', stems: str = ''
) -> Task:
    """A task made of the user's manifest.

    Args:
        manifest: the CSV or JSONL file.
        kind: 'multiclass', 'multilabel', 'regression', 'key', 'beats', 'frames' or 'separation'.
        targets: for a regression, its columns separated by commas; '' takes every other column
            that holds numbers.
        stems: for a separation, the columns of its stems separated by commas; `path` is the mix.

    Returns:
        The task. Without a manifest, one that can be listed but not used.

    Raises:
        ConfigError: the kind is unknown.
        DataError: the manifest cannot be used; all its mistakes are in the message.
    """
    kinds = [k.value for k in Kind]
    if kind not in kinds:
        raise ConfigError(f'kind {kind!r} is unknown. {suggest(kind, kinds)}')
    if not manifest:
        return _placeholder(Kind(kind))
    path = Path(manifest).expanduser()
    items, labels, notes = manifest_items.load(path, Kind(kind), targets, stems)
    return _task(path, Kind(kind), items, labels, notes)


def _task(
    path: Path, kind: Kind, items: list[Item], labels: tuple[str, ...], notes: tuple[str, ...]
) -> Task:
    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit

        return audit.survey(items, kind, labels, notes=notes)

    known = [item.duration for item in items if item.duration is not None]
    return Task(
        name='own_data',
        kind=kind,
        labels=labels,
        metrics=defaults.metrics(kind, labels),
        card=_card(
            title=f'Your own data, {path.name}',
            split_source=f'column `split` of {path.name}',
            items={split: sum(item.split == split for item in items) for split in SPLITS},
            hours=sum(known) / 3600 if len(known) == len(items) else 0.0,
        ),
        protocol=defaults.protocol(kind),
        prepare=prepare,
        items=lambda data_dir: list(items),
    )


def _placeholder(kind: Kind) -> Task:
    def refuse(data_dir: Path) -> Any:
        raise ConfigError(
            'own_data needs a manifest, a CSV with columns path, split and label (labels; numbers; '
            'annotation; stems), and a kind: multiclass, multilabel, regression, key, beats, '
            'frames or separation. A run takes --config.manifest=labels.csv --config.kind=KIND, '
            '`jaxprobe prepare` --option=manifest=labels.csv --option=kind=KIND.'
        )

    return Task(
        name='own_data',
        kind=kind,
        labels=(),
        metrics=defaults.metrics(kind, ()),
        card=_card('Your own data: a CSV or JSONL of paths, splits and labels', 'yours', {}, 0.0),
        protocol=defaults.protocol(kind),
        prepare=refuse,
        items=refuse,
        status='needs a manifest',
    )


def _card(title: str, split_source: str, items: dict[str, int], hours: float) -> DatasetCard:
    return DatasetCard(
        name='own_data',
        title=title,
        homepage='README.md',
        licence='yours',
        citation='yours',
        how_to_get=(
            'paths in the manifest are relative to the folder it is in; mend the paths, or move '
            'the manifest to where its audio is'
        ),
        folder='',
        split_source=split_source,
        items=items,
        hours=hours,
    )
