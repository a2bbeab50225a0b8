"""Mixtures and stems as waves at one rate: decoded once, kept beside the stores.

`<store_dir>/stems-<rate>/<key>.npy`, float32 [K+1, S], the mixture first, mono, read by memory map.
The key is that of the bytes of all files and of the stretch that is heard, so moved audio stays
known, runs and encoders share the waves, and a killed run goes on where it was. Their length and
hash lie beside them: waves that were damaged are decoded again, as are those that were deleted.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from jaxprobe.audio import decode, loader
from jaxprobe.core import fs, schema
from jaxprobe.core.errors import DataError, StoreError
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import Clip
from jaxprobe.tasks.base import Item, Stems

VERSION = 1  # Of the layout of waves and their sums.
_APART = 0.1  # Seconds that a stem may be longer or shorter than its mixture.


def files_of(item: Item) -> tuple[Path, ...]:
    """The mixture and the stems."""
    return (item.path, *cast(Stems, item.target).paths)


def lacking(items: Sequence[Item]) -> dict[int, str]:
    """Index of item -> reason, for items whose stems are not there."""
    return {
        i: f'missing: {path.name}'
        for i, item in enumerate(items)
        for path in files_of(item)[1:]
        if not path.is_file()
    }


def digests(items: Sequence[Item], store_dir: Path) -> list[str]:
    """What each item's files and stretch hash to.

    Raises:
        DataError: a file is not there or cannot be read.
    """
    clips = [Clip(path, i.start, i.duration) for i in items for path in files_of(i)]
    keys, failed = keys_of(clips, store_dir)
    if failed:
        first = min(failed)
        raise DataError(
            f'{len(failed)} stems cannot be read, first {clips[first]}: {failed[first]}.'
        )
    found, at = [], 0
    for item in items:
        own = keys[at : at + len(files_of(item))]
        at += len(own)
        found.append(fs.digest([decode.RESAMPLER, *own], 32))
    return found


def prepare(
    items: Sequence[Item],
    store_dir: Path,
    rate: int,
    *,
    threads: int = 0,
    progress: Callable[[float, float], Any] | None = None,
) -> list[Path]:
    """Decodes what is not kept yet.

    Args:
        items: of a separation task.
        store_dir: where stores lie.
        rate: samples per second wanted.
        threads: that decode; 0 chooses.
        progress: takes items done and to do.

    Returns:
        The file of every item's waves.

    Raises:
        DataError: a stem is missing, damaged, or not as long as its mixture.
    """
    folder = store_dir / f'stems-{rate}'
    folder.mkdir(parents=True, exist_ok=True)
    fs.sweep(folder)
    paths = [folder / f'{key}.npy' for key in digests(items, store_dir)]
    todo = {path: item for path, item in zip(paths, items, strict=True) if not _whole(path)}
    done = loader.ahead(
        todo.items(),
        lambda job: _decoded(job[1], rate),
        lambda job: 1.0,
        threads=threads or 2,
        budget=2.0,
    )
    for number, ((path, _), waves) in enumerate(done):
        with fs.replacing(path) as temporary, open(temporary, 'wb') as file:
            np.save(file, waves)
        sums = {'version': VERSION, 'bytes': path.stat().st_size, 'sha256': fs.sha256(path)}
        fs.write_json(path.with_suffix('.json'), schema.sealed(sums))
        if progress:
            progress(float(number + 1), float(len(todo)))
    return paths


def _whole(path: Path) -> bool:
    """Whether waves are kept as they were written; else they are decoded again."""
    try:
        sums = schema.read(path.with_suffix('.json'), 'sums of waves', (VERSION,), '')
        return path.stat().st_size == sums['bytes'] and fs.sha256(path) == sums['sha256']
    except (OSError, StoreError, KeyError):
        return False


def disk_bytes(seconds: float, targets: int, rate: int) -> float:
    """What the waves of so much audio take."""
    return 4.0 * (targets + 1) * seconds * rate


def cut(
    waves: Float[np.ndarray, 'K S'], begin: int, samples: int
) -> Float[np.ndarray, 'K {samples}']:
    """A stretch of waves; before their start and behind their end they are mirrored."""
    total = waves.shape[1]
    if begin >= 0 and begin + samples <= total:
        return np.asarray(waves[:, begin : begin + samples])
    at = np.arange(begin, begin + samples) % max(1, 2 * (total - 1))
    return np.asarray(waves)[:, np.minimum(at, 2 * (total - 1) - at)]


def _decoded(item: Item, rate: int) -> Float[np.ndarray, 'K S']:
    waves = [decode.read(path, rate, item.start, item.duration) for path in files_of(item)]
    length = len(waves[0])
    wrong = [
        f'{path.name} {len(wave) / rate:.2f} s'
        for path, wave in zip(files_of(item), waves, strict=True)
        if abs(len(wave) - length) > _APART * rate
    ]
    if wrong:
        raise DataError(
            f'{item.id}: the mixture has {length / rate:.2f} s, but {_listed(wrong)}. Stems must '
            f'sum to their mixture; do the files belong together?'
        )
    return np.stack([np.pad(w[:length], (0, max(0, length - len(w)))) for w in waves])


def _listed(names: Iterable[str]) -> str:
    return ', '.join(names)
