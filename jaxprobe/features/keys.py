"""Keys of clips: the bytes of the file and the segment, so that moved audio stays known.

Hashing a data set reads all of it, so hashes are remembered beside the stores by (path, size,
modification time in ns). The memory can be lost or deleted at any time.
"""

import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import StoreError
from jaxprobe.features.spec import Clip

CACHE = 'file_hashes.json'
VERSION = 2  # Of its layout.


class Keys(NamedTuple):
    """A key per clip, None where the file cannot be read, and then why."""

    keys: list[str | None]
    failed: dict[int, str]


def keys_of(clips: Sequence[Clip], store_dir: Path, *, threads: int = 0) -> Keys:
    """Computes the key of every clip.

    Args:
        clips: any clips; the same audio twice has the same key.
        store_dir: where the memory of hashes lies.
        threads: that hash; 0 chooses.

    Returns:
        Keys, and index of clip -> reason ('missing', 'unreadable' or 'not_audio') where there is
        none.
    """
    hashes = _file_hashes(sorted({clip.path for clip in clips}), store_dir, threads)
    keys: list[str | None] = []
    failed: dict[int, str] = {}
    for index, clip in enumerate(clips):
        found, why = hashes[clip.path]
        if why:
            failed[index] = why
        keys.append(key_of(found, clip) if not why else None)
    return Keys(keys, failed)


def key_of(file_sha256: str, clip: Clip) -> str:
    """The key of a clip whose file has this hash, 32 hex digits."""
    duration = None if clip.duration is None else float(clip.duration)
    return fs.digest([file_sha256, float(clip.start), duration], 32)


def _file_hashes(paths: list[Path], store_dir: Path, threads: int) -> dict[Path, tuple[str, str]]:
    """Path -> (hash, ''), or ('', reason)."""
    cache = _read(store_dir / CACHE)
    fresh: dict[str, list] = {}

    def one(path: Path) -> tuple[str, str]:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # Pipes and devices may have no end.
                return '', 'not_audio'
            known = cache.get(str(path))
            if known and known[:2] == [status.st_size, status.st_mtime_ns]:
                return known[2], ''
            found = fs.sha256(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # A name no file can have.
            return '', 'missing'
        except OSError:
            return '', 'unreadable'
        fresh[str(path)] = [status.st_size, status.st_mtime_ns, found]
        return found, ''

    with ThreadPoolExecutor(threads or None) as pool:
        hashes = dict(zip(paths, pool.map(one, paths)))
    if fresh:
        files = _read(store_dir / CACHE) | fresh
        fs.write_json(store_dir / CACHE, schema.sealed({'version': VERSION, 'files': files}))
    return hashes


def _read(path: Path) -> dict[str, list]:
    """What is remembered: nothing where the file is absent, was changed or has another layout."""
    try:
        found = schema.read(path, 'hashes of files', (1, VERSION), 'delete that file.')
    except (OSError, StoreError):
        return {}
    return found['files'] if 'version' in found else found  # The first layout: files alone.
