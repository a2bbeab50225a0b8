"""The plan of a store, and what of it is done.

A store's directory:

    fingerprint.json                   the spec, and its fingerprint
    manifest.json                      shard -> keys of its clips and their seconds
    windows-train.array_record-00000   the records of shard 0
    windows-train.array_record-00000.json   its sidecar: records, bytes, sha256, clips
    features.json, dataset_info.json   make the directory a TFDS data set
    .lock                              held by the process that writes

The manifest is written before anything is encoded, so that restarts and other hosts agree on
what lies where. A shard is done when its sidecar is there; sidecars are written after the shard
was renamed to its final name.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import fs, records, schema
from jaxprobe.core.errors import StoreError
from jaxprobe.features.spec import StoreSpec

# Layouts, as docs/formats.md has them: what is written now, and what is read.
FINGERPRINT_VERSION, MANIFEST_VERSION, SIDECAR_VERSION = 1, 2, 2
FINGERPRINT, MANIFEST, LOCK = 'fingerprint.json', 'manifest.json', '.lock'
SHARD = 'windows-train.array_record-{:05d}'
TRANSIENT = ('missing', 'unreadable')  # What may have been a matter of the moment.


class Planned(NamedTuple):
    """A clip in the manifest: its key, and seconds by its file's header (0: unreadable)."""

    key: str
    seconds: float


class Entry(NamedTuple):
    """A clip in a sidecar: how many windows it gave, and how many of them are flagged.

    `failed` is '' or the reason why the clip cannot be used. `last` is where its last window
    starts, in seconds, in stores of frames: the hop tells where the others do. `sound` is the hash
    of its decoded samples, '' where it was not decoded, or before hashes were kept.
    """

    key: str
    windows: int
    padded: int
    silent: int
    failed: str = ''
    last: float = 0.0
    sound: str = ''


class Sidecar(NamedTuple):
    """What is known of a finished shard."""

    records: int
    bytes: int
    sha256: str
    clips: tuple[Entry, ...]


Manifest = list[list[Planned]]


def shard_path(store: Path, index: int) -> Path:
    """Where shard `index` lies."""
    return store / SHARD.format(index)


def sidecar_path(store: Path, index: int) -> Path:
    """Where the sidecar of shard `index` lies."""
    return store / (SHARD.format(index) + '.json')


@contextlib.contextmanager
def locked(store: Path) -> Iterator[None]:
    """Holds the store for writing; the kernel lets go of it however the process ends.

    Raises:
        StoreError: another process is writing to it, or the disk refuses to be written to.
    """
    try:
        with _held(store):
            yield
    except OSError as error:  # Audio has errors of its own: what is left is the store's disk.
        raise StoreError(
            f'{store} cannot be written: {error}. {fs.free_bytes(store) / 2**30:.2f} GiB are free '
            f'there; make room or choose another --config.store_dir, and run the same command '
            f'again: finished shards are kept.'
        ) from error


@contextlib.contextmanager
def _held(store: Path) -> Iterator[None]:
    store.mkdir(parents=True, exist_ok=True)
    try:
        with fs.locked(store / LOCK):
            yield
    except fs.Held as held:
        raise StoreError(
            f'another process is writing to {store} ({held}). Two writers would encode the same '
            f'audio twice: wait for it, then run the same command again, or end it first.'
        ) from None


def pin(store: Path, spec: StoreSpec) -> None:
    """Writes the store's fingerprint, or compares it with the one that is there.

    Raises:
        StoreError: the directory belongs to another spec; the message lists the differences.
    """
    if (store / FINGERPRINT).exists():
        found = read_spec(store)
        if found != spec:
            ours, theirs = spec.record(), found.record()
            lines = [f'  {k}: {theirs[k]!r}, now {ours[k]!r}' for k in ours if ours[k] != theirs[k]]
            raise StoreError(
                f'{store} was made with other settings:\n' + '\n'.join(lines) + '\nWas it renamed '
                'or copied by hand? Move it away or delete it, and run the same command again.'
            )
    else:
        value = {
            'version': FINGERPRINT_VERSION,
            'fingerprint': spec.fingerprint,
            'spec': spec.record(),
        }
        fs.write_json(store / FINGERPRINT, value)


def read_spec(store: Path) -> StoreSpec:
    """Reads the spec of a store.

    Raises:
        StoreError: there is no store, or its fingerprint does not fit its own spec.
    """
    path = store / FINGERPRINT
    absent = f'{store} is not a store: run the extract stage first'
    value = _read(path, 'fingerprint of a store', (FINGERPRINT_VERSION,), absent)
    try:
        spec = StoreSpec.of_record(value['spec'])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f'{path} was written by another version of jaxprobe ({error}). Move the store away or '
            f'delete it, and run the extract stage again.'
        ) from error
    if spec.fingerprint != value['fingerprint']:
        raise StoreError(
            f'{path} was changed: its settings hash to {spec.fingerprint[:12]}, it says '
            f'{value["fingerprint"][:12]}. Restore it, or delete the store and extract again.'
        )
    return spec


def read_manifest(store: Path) -> Manifest:
    """Reads the plan of a store, [] where there is none yet.

    Raises:
        StoreError: the file is damaged.
    """
    if not (store / MANIFEST).exists():
        return []
    value = _read(store / MANIFEST, 'plan of a store', (1, MANIFEST_VERSION))
    try:
        return [[Planned(*clip) for clip in shard] for shard in value['shards']]
    except (KeyError, TypeError) as error:
        raise _damaged(store / MANIFEST, error) from error


def write_manifest(store: Path, manifest: Manifest) -> None:
    """Writes the plan."""
    rows = [[list(clip) for clip in shard] for shard in manifest]
    fs.write_json(store / MANIFEST, schema.sealed({'version': MANIFEST_VERSION, 'shards': rows}))


def read_sidecar(store: Path, index: int) -> Sidecar | None:
    """Reads the sidecar of a shard, None where the shard is not done.

    A sidecar whose shard is gone, as our errors ask for, does not count either.

    Raises:
        StoreError: the shard is not as long as it was when it was written.
    """
    path = sidecar_path(store, index)
    if not path.exists() or not shard_path(store, index).exists():
        return None
    value = _read(path, 'what is known of a shard', (1, SIDECAR_VERSION))
    try:
        clips = tuple(Entry(*clip) for clip in value['clips'])
        found = Sidecar(value['records'], value['bytes'], value['sha256'], clips)
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    size = shard_path(store, index).stat().st_size
    if size != found.bytes:
        what = f'it has {size} bytes, {found.bytes} were written'
        raise records.damaged(shard_path(store, index), what)
    return found


def write_sidecar(store: Path, index: int, clips: Sequence[Entry]) -> Sidecar:
    """Marks a shard as done: hashes it and writes its sidecar."""
    path = shard_path(store, index)
    found = Sidecar(
        records=sum(clip.windows for clip in clips),
        bytes=path.stat().st_size,
        sha256=fs.sha256(path),
        clips=tuple(clips),
    )
    rows = [_row(clip) for clip in clips]
    value = found._asdict() | {'clips': rows, 'version': SIDECAR_VERSION}
    fs.write_json(sidecar_path(store, index), schema.sealed(value))
    return found


def _row(clip: Entry) -> list[Any]:
    """The fields of an entry without those at its end that are at their defaults and came later."""
    if clip.sound:
        return list(clip)
    return list(clip[:-1] if clip.last else clip[:-2])


def settled(sidecar: Sidecar) -> frozenset[str]:
    """Keys of a finished shard that need no second look; a transient failure does."""
    return frozenset(clip.key for clip in sidecar.clips if clip.failed not in TRANSIENT)


def grown(
    manifest: Manifest,
    done: Sequence[frozenset[str] | None],
    wanted: Sequence[Planned],
    shard_seconds: float,
    least_seconds: float = 0.0,
) -> Manifest:
    """Adds shards for clips that are not planned yet; finished shards never change.

    An unfinished shard is kept if all of its clips are wanted, so that the same command after a
    kill fills the same shards. Otherwise (its run was given up, and only part of its audio is
    wanted now) the wanted ones move to new shards.

    Args:
        manifest: the plan so far.
        done: per shard the keys it has settled, None where it is not finished.
        wanted: clips in order; a key that comes twice is planned once.
        shard_seconds: a shard is closed when it holds this much audio.
        least_seconds: what a clip counts at least: a short one fills a whole window.

    Returns:
        The new plan.
    """
    asked = {clip.key: clip for clip in wanted}
    kept: Manifest = []
    for shard, keys in zip(manifest, done, strict=True):
        here = [clip for clip in shard if clip.key in asked]
        if keys is None and len(here) < len(shard):
            kept.append([clip for clip in shard if clip.key not in asked])
            continue
        kept.append(shard)
        for clip in here:
            if keys is None or clip.key in keys:
                del asked[clip.key]
    new: Manifest = []
    seconds = shard_seconds  # As if a shard were full: the first clip opens one.
    for clip in asked.values():
        if seconds >= shard_seconds:
            new.append([])
            seconds = 0.0
        new[-1].append(clip)
        seconds += max(clip.seconds, least_seconds)
    return kept + new


def _read(path: Path, what: str, reads: tuple[int, ...], absent: str = '') -> dict[str, Any]:
    """Reads a file of a store; what cannot be read can be made again from the audio."""
    try:
        return schema.read(path, what, reads, _remedy(path))
    except FileNotFoundError as error:
        raise StoreError(f'{absent or path} ({path} is missing).') from error


def _damaged(path: Path, error: Exception) -> StoreError:
    """Phrases the error of a file of layout 1, which has no seal, whose fields are not there."""
    told = f'{type(error).__name__}: {error}'
    return StoreError(f'{path} is damaged ({told}). To mend it, {_remedy(path)}')


def _remedy(path: Path) -> str:
    """What to do about a file of a store that cannot be read."""
    if path.name in (FINGERPRINT, MANIFEST):
        return f'delete the store {path.parent} and run the extract stage again.'
    return 'delete that file and run the extract stage again: this shard alone is encoded again.'
