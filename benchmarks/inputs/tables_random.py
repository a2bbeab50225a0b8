"""Tables with random damage, held against Python's own readers.

What a damaged table says is read with `csv` and `json` by a few lines that share nothing with the
package; an accepted table must say the same. Where those cannot read it, it must be refused.
"""

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs.cases import EITHER, REFUSE, Case, Listed, Wanted
from benchmarks.inputs.tables import NAMES, as_csv, as_lines, put, rows, sounds

_LABELS = ('rock', 'jazz', 'café', '1', '01', '1.0', 'a,b', 'x"y', 'Rock', '🎵', 'a b', 'nan')
_BYTES = b'",\n\r;|\t\'{}[]:\\ 0a\x00\xff\xc3\xe2'


def random(number: int) -> list[Case]:
    """Tables of six rows with one or two bytes changed, removed, doubled or put in."""
    return [_damaged(k, 'csv' if k % 2 else 'jsonl') for k in range(number)]


def _damaged(k: int, ending: str) -> Case:
    def make(folder: Path, rng: np.random.Generator) -> Listed:
        sounds(folder)
        labels = [str(label) for label in rng.choice(_LABELS, 6)]
        table = rows(labels)
        text = as_csv(table) if ending == 'csv' else as_lines(table, bool(rng.integers(0, 2)))
        data = bytearray(text.encode())
        for _ in range(int(rng.integers(1, 3))):
            at, how = int(rng.integers(0, len(data))), int(rng.integers(0, 4))
            if how == 0:
                data[at] = int(rng.choice(list(_BYTES)))
            elif how == 1:
                data[at:at] = bytes([int(rng.choice(list(_BYTES)))])
            elif how == 2:
                del data[at : at + int(rng.integers(1, 6))]
            else:
                data[at:at] = data[at : at + int(rng.integers(1, 30))]
        read = _csv(bytes(data)) if ending == 'csv' else _lines(bytes(data))
        options = put(folder, bytes(data), ending)
        if read is None:
            return Listed(options, REFUSE, names=(f'table.{ending}',))
        wanted = tuple(
            Wanted(folder / path, split, label, there=path in NAMES) for path, split, label in read
        )
        return Listed(options, EITHER, wanted, names=(f'table.{ending}',))

    return Case(f'manifest/random/{ending}-{k}', 'manifest random damage', make)


def _csv(data: bytes) -> list[tuple[str, str, str]] | None:
    try:
        text = data.decode('utf-8-sig')
        header, *body = csv.reader(io.StringIO(text, newline=''), strict=True)
    except (ValueError, csv.Error):
        return None
    header = [name.strip() for name in header]
    if any(header.count(name) != 1 for name in ('path', 'split', 'label')):
        return None
    places = [header.index(name) for name in ('path', 'split', 'label')]
    body = [row for row in body if any(value.strip() for value in row)]
    if any(len(row) != len(header) for row in body):
        return None
    return _meant([[row[k] for k in places] for row in body])


def _lines(data: bytes) -> list[tuple[str, str, str]] | None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError('a key comes twice')
        return dict(pairs)

    try:
        text = data.decode('utf-8-sig').replace('\r\n', '\n')
        lines = [line for line in text.split('\n') if line.strip()]
        body = [json.loads(line, object_pairs_hook=once) for line in lines]
        return _meant([[row['path'], row['split'], row['label']] for row in body])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _meant(body: list[list[str]]) -> list[tuple[str, str, str]] | None:
    """Rows as they are meant; None where one cannot be used."""
    found = []
    for path, split, label in body:
        path, split, label = str(path).strip(), str(split).strip(), str(label).strip()
        if not path or not label or split not in ('train', 'valid', 'test') or '\0' in path:
            return None
        found.append((path, split, unicodedata.normalize('NFC', label)))
    splits = {split for _, split, _ in found}
    return found if splits == {'train', 'valid', 'test'} else None
