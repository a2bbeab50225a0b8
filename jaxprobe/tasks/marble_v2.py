"""MARBLE v2's item lists: JSONL, one object per line, one file per split.

`GS.train.jsonl`, `GS.val.jsonl` and `GS.test.jsonl` (the data sets m-a-p/* of the hub carry
them). Keys, exactly: `audio_path`, `label`, `sample_rate`, `num_samples`, and for GS `ori_uid`;
others (`duration`, `bit_depth`, `bitrate`, `channels`) inform and are not read. Audio paths are
relative to the folder MARBLE was started in, `data/GS/...`; that folder is looked for above the
JSONL, then at and above the data directory.

Only the list is MARBLE v2's. Windows, probes and scores stay those of the task.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import manifest_rows, owners
from jaxprobe.tasks.base import Item, Target, Task
from jaxprobe.tasks.manifest_rows import Mistakes, Row

_PARTS = {'train': 'train', 'valid': 'val', 'test': 'test'}

ReadTarget = Callable[[Any], Target]


def task(
    own: Task,
    jsonl: str,
    name: str,
    read_target: ReadTarget,
    *,
    uid: str = '',
    duration: float | None = None,
    notes: Sequence[str] = (),
) -> Task:
    """The task on MARBLE v2's item lists instead of the owner's metadata.

    Args:
        own: the task as it is without.
        jsonl: the folder of the three files, or one of them.
        name: how MARBLE v2 calls it: 'GS' for GS.train.jsonl.
        read_target: from the value of `label` to a target; its ValueError is a line's mistake.
        uid: a key that clips of one song share: 'ori_uid'. The song is the item then, its clips
            in the order of the lines are its files, and the key's value is its id.
        duration: of every item, where the task uses no more than its first seconds.
        notes: for `prepare`.
    """

    def listed(data_dir: Path) -> list[Item]:
        return items(Path(jsonl).expanduser(), name, data_dir, read_target, uid, duration)

    card = dataclasses.replace(
        own.card,
        split_source=f"MARBLE v2's {name}.{{train,val,test}}.jsonl, as the user has them",
        items={},
        split_sha256='',
        broken={},
        how_to_get=(
            f'{name}.train.jsonl, {name}.val.jsonl and {name}.test.jsonl are in the data sets '
            f'huggingface.co/m-a-p that MARBLE v2 downloads, beside the audio.'
        ),
    )
    return dataclasses.replace(
        own,
        card=card,
        items=listed,
        prepare=owners.preparing(card, own.kind, own.labels, listed, notes=notes),
        options={**own.options, 'jsonl': jsonl},
    )


def items(
    source: Path,
    name: str,
    data_dir: Path,
    read_target: ReadTarget,
    uid: str = '',
    duration: float | None = None,
) -> list[Item]:
    """Reads the three files; the arguments are those of `task`.

    Returns:
        Items in the order of the lines, train first; an id is the audio path without its
        extension, or the song.

    Raises:
        DataError: a file is missing or cannot be used; all its mistakes are in the message.
    """
    found = []
    for split, path in files(source, name, data_dir).items():
        mistakes = Mistakes(path)
        _, rows = manifest_rows.read(path, mistakes)
        base = _base(path.parent, data_dir, [str(r.values.get('audio_path', '')) for r in rows])
        listed: dict[str, Item] = {}
        for row in rows:
            item = _item(row, split, base, read_target, uid, duration, mistakes)
            if item is None:
                continue
            song = listed.get(item.id) if uid else None
            if song is None:
                listed[item.id if uid else str(row.line)] = item
            elif song.target != item.target:
                mistakes.add(row.line, f'{uid} {item.id} had another label before')
            else:
                listed[item.id] = dataclasses.replace(song, more=(*song.more, item.path))
        found += listed.values()
        mistakes.raise_any()
        if not rows:
            raise DataError(f'{path} lists nothing. Fetch it again.')
    return found


def files(source: Path, name: str, data_dir: Path) -> Mapping[str, Path]:
    """The file of each split, given their folder or one of them.

    Raises:
        DataError: one is not there.
    """
    folder = source if source.is_dir() else source.parent
    wanted = {split: folder / f'{name}.{part}.jsonl' for split, part in _PARTS.items()}
    if source != folder and source not in wanted.values():
        raise ConfigError(
            f'jsonl={source} is neither a folder nor one of '
            f'{", ".join(path.name for path in wanted.values())}.'
        )
    missing = [str(path) for path in wanted.values() if not path.is_file()]
    if missing:
        raise DataError(
            f'MARBLE v2 lists of {name} are missing: {", ".join(missing)} (data directory '
            f'{data_dir}).'
        )
    return wanted


def _base(folder: Path, data_dir: Path, paths: Sequence[str]) -> Path:
    """The folder that audio paths are relative to: the first under which one of them exists."""
    bases = [*(folder.resolve() / '_').parents, *(data_dir.resolve() / '_').parents]
    some = [path for path in paths if path][:20]
    hit = (base for base in bases if any(os.path.isfile(base / path) for path in some))
    return next(hit, data_dir.parent)


def _item(
    row: Row,
    split: str,
    base: Path,
    read_target: ReadTarget,
    uid: str,
    duration: float | None,
    mistakes: Mistakes,
) -> Item | None:
    needed = ('audio_path', 'label', 'sample_rate', 'num_samples', *([uid] if uid else ()))
    lacking = [key for key in needed if key not in row.values]
    if lacking:
        mistakes.add(row.line, f'lacks {", ".join(map(repr, lacking))}')
        return None
    try:
        target = read_target(row.values['label'])
    except (ValueError, TypeError, OverflowError) as error:
        mistakes.add(row.line, f'label {row.values["label"]!r}: {error}')
        return None
    named = row.values['audio_path']
    text = named.strip() if isinstance(named, str) else ''
    if named and not isinstance(named, str):
        mistakes.add(row.line, f'audio_path {named!r} is not text')
        return None
    if '\0' in text or Path(text).name in ('', '..'):
        mistakes.add(row.line, f'audio_path {text!r} names no file')
        return None
    if uid and (isinstance(row.values[uid], bool) or not isinstance(row.values[uid], str | int)):
        mistakes.add(row.line, f'{uid} {row.values[uid]!r} is neither text nor a whole number')
        return None
    return Item(
        id=str(row.values[uid]) if uid else str(Path(text).with_suffix('')),
        path=base / text,
        split=split,
        target=target,
        duration=duration,
    )


def one_of(labels: Sequence[str]) -> ReadTarget:
    """Reads a class by its name."""
    index = {label: k for k, label in enumerate(labels)}

    def read(value: Any) -> Target:
        if value not in index:
            raise ValueError(f'is none of the {len(index)} labels')
        return index[value]

    return read


def some_of(labels: Sequence[str], prefix: str = '') -> ReadTarget:
    """Reads a list of tags by their names; `prefix` is what MARBLE writes before each."""
    index = {f'{prefix}{label}': k for k, label in enumerate(labels)}

    def read(value: Any) -> Target:
        if not isinstance(value, list):
            raise ValueError('is not a list of tags')
        unknown = [tag for tag in value if tag not in index]
        if unknown:
            raise ValueError(f'{", ".join(map(repr, unknown))} is none of the {len(index)} tags')
        return tuple(sorted({index[tag] for tag in value}))

    return read


def numbers(count: int) -> ReadTarget:
    """Reads that many numbers."""

    def read(value: Any) -> Target:
        if not isinstance(value, list) or len(value) != count:
            raise ValueError(f'is not a list of {count} numbers')
        found = tuple(float(part) for part in value if not isinstance(part, bool))
        if len(found) < count or not all(map(math.isfinite, found)) or '_' in str(value):
            raise ValueError(f'is not a list of {count} finite numbers')
        return found

    return read
