"""Folders in an object store (`gs://bucket/x`, `s3://bucket/x`), worked on in a local twin.

An object store has no renames and no locks, and the libraries that write shards need files. So a
run works in a local folder, the twin, and hands it over between stages. In the store a folder is

    objects/<sha256>    the bytes of a file, named by what they are: never changed, never half
    objects.json        name -> sha256 and size of every file, written last and at once

and therefore always one whole state of the folder, whenever the writer dies. A reader copies what
its twin lacks and checks every byte against its name. etils (and through it the store's own
library) is imported when a path has '://', and not before.
"""

import json
import os
from pathlib import Path
from typing import Any

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, StoreError

INDEX, BLOBS = 'objects.json', 'objects'
SCHEMA = 1
SCHEMES = ('gs', 's3', 'az')  # Those that etils hands on to fsspec.
_SYNCED = '.synced.json'  # Beside a twin: the index that it last agreed with.
_OWN = ('.lock',)  # Ends of names that mean something on one machine only.

_Files = dict[str, tuple[str, int]]  # Name -> sha256 and size.


def is_url(text: str) -> bool:
    """Whether a path lies in an object store.

    >>> is_url('gs://bucket/runs/muq'), is_url('runs/muq')
    (True, False)
    """
    return '://' in text


def local(text: str) -> Path:
    """The folder a path means here: itself, or the twin of an address.

    Raises:
        ConfigError: an address of a kind that is not supported.
    """
    if not is_url(text):
        return Path(text).expanduser().resolve()
    scheme, _, rest = text.partition('://')
    parts = [part for part in rest.split('/') if part]
    if scheme not in SCHEMES or len(parts) < 2 or '..' in parts or '.' in parts:
        raise ConfigError(
            f'{text!r} is no address of an object store that is supported: write '
            f'{" or ".join(f"{s}://BUCKET/FOLDER" for s in SCHEMES)}, or a local path.'
        )
    return twins().joinpath(scheme, *parts)


def twins() -> Path:
    """Where twins lie: $JAXPROBE_CACHE/objects, else ~/.cache/jaxprobe/objects."""
    home = os.environ.get('JAXPROBE_CACHE') or Path.home() / '.cache' / 'jaxprobe'
    return Path(home).expanduser().resolve() / 'objects'


def address(folder: Path) -> str:
    """The address of a twin, or of a folder in one; '' for a folder that is none."""
    if not folder.is_relative_to(twins()):
        return ''
    scheme, *parts = folder.relative_to(twins()).parts
    return f'{scheme}://{"/".join(parts)}'


class Twin:
    """A folder in an object store and its local copy.

    Attributes:
        folder: the local copy.
        url: where it is kept.
    """

    def __init__(self, folder: Path):
        """Names a folder below `twins()`."""
        self.folder, self.url = folder, address(folder)
        self._remote = _epath(self.url)
        self._hashed: dict[str, tuple[tuple[int, int, int], str]] = {}

    def pull(self) -> int:
        """Makes the twin what the store holds, unless it is ahead of that; returns files copied.

        A twin is ahead where the store is still as this machine left it: a run that was killed
        goes on from what it had. Only copies of what the store once held are ever replaced.

        Raises:
            StoreError: the store cannot be read, its bytes are not what their names say, it has
                gone, or both it and the twin have changed since they last agreed.
        """
        index, synced = self._index(), self._synced()
        if index == synced:
            return 0
        if not index:
            raise StoreError(
                f'{self.url} held {len(_files(synced, self.url))} files when this machine last '
                f'saw it and has none now: was it emptied, or is this another account? Nothing '
                f'was removed here. To hand {self.folder} over again, delete {self._beside()}.'
            )
        files, before = _files(index, self.url), _files(synced, self.url)
        if own := self._changed(before, files):
            raise StoreError(
                f'{self.url} was changed by another run, and {self.folder} has {len(own)} files '
                f'that were never handed over ({", ".join(own[:3])}). Nothing was removed. Give '
                f'this run another --workdir and --config.store_dir; to use what lies here, move '
                f'it below them; to do without, delete the folder.'
            )
        for name, path in self._here().items():
            if name not in files:
                path.unlink()
        copied = 0
        for name, (sha256, size) in files.items():
            path = self.folder / name
            if path.is_file() and path.stat().st_size == size and self._sha256(path) == sha256:
                continue
            self._fetch(path, sha256)
            copied += 1
        self._note(index)
        return copied

    def push(self) -> int:
        """Hands the twin's whole state to the store; returns how many files it lacked.

        Raises:
            StoreError: the store cannot be written, or another run has written there meanwhile.
        """
        before = self._index()
        if before != self._synced():
            raise StoreError(
                f'{self.url} was changed by another run since this one began: two runs cannot '
                f'write one folder. Give this one another --workdir and --config.store_dir; what '
                f'it made so far stays in {self.folder}.'
            )
        known = {sha256 for sha256, _ in _files(before, self.url).values()}
        files: dict[str, list[Any]] = {}
        sent = 0
        for name, path in self._here().items():
            sha256, size = self._sha256(path), path.stat().st_size
            if sha256 not in known:
                self._write(f'{BLOBS}/{sha256}', path.read_bytes())
                known.add(sha256)
                sent += 1
            files[name] = [sha256, size]
        index = json.dumps({'schema': SCHEMA, 'files': files}, indent=1, sort_keys=True).encode()
        if index != before:
            self._write(INDEX, index)  # From here on this is what the folder holds.
            self._note(index)
            self._forget(known - {sha256 for sha256, _ in files.values()})
        return sent

    def _changed(self, before: _Files, now: _Files) -> list[str]:
        """Files here that are neither what was agreed on nor what the store holds now."""
        return [
            name
            for name, path in self._here().items()
            if self._sha256(path) not in {of.get(name, ('', 0))[0] for of in (before, now)}
        ]

    def _here(self) -> dict[str, Path]:
        """The files of the twin that are finished, by their names in the store."""
        found = [path for path in sorted(self.folder.rglob('*')) if path.is_file()]
        found = [p for p in found if fs.TEMPORARY not in p.name and not p.name.endswith(_OWN)]
        return {path.relative_to(self.folder).as_posix(): path for path in found}

    def _sha256(self, path: Path) -> str:
        status, name = path.stat(), str(path)
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._hashed.get(name, (None, ''))[0] != state:
            self._hashed[name] = (state, fs.sha256(path))
        return self._hashed[name][1]

    def _beside(self) -> Path:
        return self.folder.with_name(f'{self.folder.name}{_SYNCED}')

    def _synced(self) -> bytes:
        path = self._beside()
        return path.read_bytes() if path.is_file() else b''

    def _note(self, index: bytes) -> None:
        fs.write_bytes(self._beside(), index)

    def _index(self) -> bytes:
        """The store's index; empty where there is none yet."""
        try:
            return (self._remote / INDEX).read_bytes()
        except FileNotFoundError:
            return b''
        except Exception as error:  # Every store's library has errors of its own.
            raise StoreError(f'{self.url} cannot be read: {_said(error)}') from error

    def _fetch(self, path: Path, sha256: str) -> None:
        try:
            data = (self._remote / BLOBS / sha256).read_bytes()
        except Exception as error:
            raise StoreError(
                f'{self.url}/{BLOBS}/{sha256} ({path.name}) cannot be read: {_said(error)}. Was '
                f'the folder written to meanwhile? Run again.'
            ) from error
        fs.write_bytes(path, data)
        if fs.sha256(path) != sha256:
            path.unlink()
            raise StoreError(
                f'{self.url}/{BLOBS}/{sha256} ({path.name}) does not hold the bytes of its name: '
                f'it is damaged. Remove {self.url} and run again.'
            )

    def _write(self, name: str, data: bytes) -> None:
        try:
            (self._remote / name).write_bytes(data)
        except Exception as error:
            raise StoreError(
                f'{self.url}/{name} cannot be written: {_said(error)}. The results so far lie in '
                f'{self.folder}; the same command hands them over.'
            ) from error

    def _forget(self, blobs: set[str]) -> None:
        """Removes what no file is any more; what stays behind is litter and harms nobody."""
        for sha256 in blobs:
            try:
                (self._remote / BLOBS / sha256).unlink()
            except Exception:  # Every store's library has errors of its own.
                continue


def of_run(workdir: Path, store_dir: Path) -> list[Twin]:
    """The twins that a run works in; none where both folders are local.

    Raises:
        ConfigError: one of two such folders lies in the other.
    """
    folders = [folder for folder in (store_dir, workdir) if address(folder)]
    if len(folders) == 2 and (
        store_dir.is_relative_to(workdir) or workdir.is_relative_to(store_dir)
    ):
        raise ConfigError(
            f'--workdir={address(workdir)} and the stores, {address(store_dir)}, lie in one '
            f'another; in an object store they need a folder each: --config.store_dir=...'
        )
    return [Twin(folder) for folder in folders]


def here(text: str) -> Path:
    """The local folder of a path, copied from its object store where it lies in one."""
    folder = local(text)
    if is_url(text):
        Twin(folder).pull()
    return folder


def _files(index: bytes, url: str) -> _Files:
    if not index:
        return {}
    try:
        found = json.loads(index)
        schema = found['schema']
        files = {str(name): (str(s), int(size)) for name, (s, size) in found['files'].items()}
        outside = [name for name in files if name.startswith('/') or '..' in name.split('/')]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f'{url}/{INDEX} is damaged: {error}') from error
    if schema != SCHEMA or outside:
        raise StoreError(
            f'{url}/{INDEX} was written by another version (schema {schema}, this one has '
            f'{SCHEMA}), or names files outside its folder: {outside[:3]}.'
        )
    return files


def _epath(url: str) -> Any:
    try:
        from etils import epath

        return epath.Path(url)
    except ImportError as error:
        raise ConfigError(
            f"{url} needs etils: python -m pip install 'etils[epath]' and the store's own library "
            f'({"gcsfs" if url.startswith("gs") else "s3fs"}). {error}'
        ) from error


def _said(error: Exception) -> str:
    return f'{type(error).__name__}: {str(error)[:300]}'
