"""The extract stage: one pass of an encoder over audio, its pooled layers into a store.

Threads decode ahead; windows are batched across clips at the one shape [B, S]; every batch is
encoded and averaged over time in one compiled program; results are written in order while later
batches run. Batches never straddle shards and do not depend on the number of devices, so that a
shard has the same bytes however often the run was interrupted and wherever it was continued.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxprobe.audio import decode, loader
from jaxprobe.audio.decode import AudioError
from jaxprobe.core import cores, fs
from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.encoders.base import Encoder
from jaxprobe.features import manifest, writer
from jaxprobe.features.keys import keys_of
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.stages import cluster
from jaxprobe.stages.encode import Encoding
from jaxprobe.stages.fill import Job, decoded, fill

ON_ERROR = ('stop', 'quarantine')
_SHOWN = 20  # Names in an error message.
_SHARD_MINUTES = 30.0
_SHARD_BATCHES = 16  # At least: the last batch of a shard is on average half empty.

Progress = Callable[[float, float], None]


class ExtractReport(NamedTuple):
    """What an extraction found and did; all plain values.

    Attributes:
        clips: different clips asked for.
        windows, padded, silent: of those clips, whenever they were encoded.
        failed: clip -> reason, those that could not be used.
        shards: finished by this call (and process).
        encoded_clips, encoded_seconds, encoded_windows: of audio, by this call (and process).
        encoding_wall_seconds: that this took, compilation included; 0 where nothing was encoded.
        x_real_time: `encoded_seconds` per second of wall time, compilation included.
    """

    clips: int
    windows: int
    padded: int
    silent: int
    failed: dict[str, str]
    shards: int
    encoded_clips: int
    encoded_seconds: float
    x_real_time: float
    encoded_windows: int
    encoding_wall_seconds: float


class _Request(NamedTuple):
    """The clips asked for: by key, and those that have none because they cannot be read."""

    by_key: dict[str, Clip]
    unreadable: dict[str, str]


def extract(
    encoder: Encoder,
    spec: StoreSpec,
    clips: Sequence[Clip],
    store_dir: Path,
    *,
    threads: int = 0,
    on_error: str = 'stop',
    progress: Progress | None = None,
    devices: Sequence[Any] | None = None,
    shard_minutes: float = 0.0,
) -> ExtractReport:
    """Encodes the clips that the store does not have yet.

    Args:
        encoder: a frozen model; its card must be that of `spec`.
        spec: names the store below `store_dir`.
        clips: audio wanted; audio that is there, under whatever name, is not encoded again.
        store_dir: folder of all stores.
        threads: that decode; 0 means one per core that this process may use.
        on_error: at the first clip that cannot be used, 'stop' finishes the shard at hand,
            checks all other audio, and raises with the whole list; 'quarantine' records each
            with its reason and goes on. Of several processes each knows its own shards only: the
            others finish theirs, and lists come one process at a time.
        progress: called with the seconds of audio done and to do, after every batch.
        devices: that encode, in turn; all local ones by default.
        shard_minutes: audio per shard; 0 means half an hour, or 16 batches where those are more.

    Returns:
        Counts, and what failed.

    Raises:
        DataError: clips cannot be used and `on_error` is 'stop'. Finished shards stay.
        StoreError: the store is damaged, of other settings, or written by another process.
    """
    _check(encoder, spec, on_error)
    store, began = spec.path(store_dir), time.monotonic()
    first = jax.process_index() == 0
    threads = threads or cores.available()
    with manifest.locked(store) if first else contextlib.nullcontext():
        if first:
            request = _request(clips, store_dir, threads)
            fs.sweep(store_dir)
            fs.sweep(store)
            manifest.pin(store, spec)
            _plan(store, spec, request, threads, on_error, shard_minutes)
        cluster.meet('planned')
        if not first:  # Process 0 has left its hashes in the cache.
            request = _request(clips, store_dir, threads)
        jobs = _jobs(store, request)
        written = _encode(encoder, spec, store, jobs, threads, devices, progress, on_error)
        cluster.meet('encoded')
        if first:
            _write_tfds(store, spec)
        failed = _failures(store, request, now=written)
        if on_error == 'stop' and failed:
            rest = [job.clip for job in jobs if job.shard not in written]
            raise _unusable(failed | _survey(rest, spec, threads), request)
    done = [job for job in jobs if job.shard in written]
    seconds, elapsed = sum(job.planned.seconds for job in done), time.monotonic() - began
    sidecars = [manifest.read_sidecar(store, index) for index in sorted(written)]
    return ExtractReport(
        **_totals(store, request),
        shards=len(written),
        encoded_clips=len(done),
        encoded_seconds=round(seconds, 3),
        x_real_time=round(seconds / elapsed, 2),
        encoded_windows=sum(entry.windows for s in sidecars if s for entry in s.clips),
        encoding_wall_seconds=round(elapsed, 3) if done else 0.0,
    )


def _check(encoder: Encoder, spec: StoreSpec, on_error: str) -> None:
    if on_error not in ON_ERROR:
        raise ConfigError(f'extract.on_error={on_error!r} is not one of {", ".join(ON_ERROR)}.')
    layers = tuple((layer.name, layer.width) for layer in encoder.card.layers)
    if layers != spec.layers or encoder.weights_sha256 != spec.weights_sha256:
        raise ConfigError(
            f'the encoder {encoder.card.name} is not the one of the store {spec.name}: layers '
            f'{layers} and weights {encoder.weights_sha256[:12]}, the store has {spec.layers} and '
            f'{spec.weights_sha256[:12]}.'
        )


def _request(clips: Sequence[Clip], store_dir: Path, threads: int) -> _Request:
    keys, unreadable = keys_of(clips, store_dir, threads=threads)
    by_key: dict[str, Clip] = {}
    for key, clip in zip(keys, clips):
        if key:
            by_key.setdefault(key, clip)
    return _Request(by_key, {str(clips[i]): reason for i, reason in unreadable.items()})


def _plan(
    store: Path,
    spec: StoreSpec,
    request: _Request,
    threads: int,
    on_error: str,
    shard_minutes: float,
) -> None:
    """Writes the manifest; with on_error='stop', raises first if clips are known to be bad."""
    shards = manifest.read_manifest(store)
    sidecars = [manifest.read_sidecar(store, index) for index in range(len(shards))]
    known = {clip.key: clip.seconds for shard in shards for clip in shard}
    new = {key: clip for key, clip in request.by_key.items() if key not in known}
    headers = loader.ahead(new.items(), _header, lambda _: 1.0, threads=threads, budget=64.0)
    bad = dict(request.unreadable)
    for (key, clip), (seconds, reason) in headers:
        known[key] = seconds
        if reason:
            bad[str(clip)] = reason
    if on_error == 'stop':
        bad |= _failures(store, request)
        if bad:
            there = {entry.key for sidecar in sidecars if sidecar for entry in sidecar.clips}
            rest = [c for k, c in request.by_key.items() if k not in there and str(c) not in bad]
            bad |= _survey(rest, spec, threads)
            raise _unusable(bad, request)
    settled = [manifest.settled(sidecar) if sidecar else None for sidecar in sidecars]
    wanted = [Planned(key, round(known[key], 3)) for key in request.by_key]
    window_seconds = spec.window_samples / spec.sample_rate
    shard_seconds = 60 * shard_minutes or _shard_seconds(spec)
    grown = manifest.grown(shards, settled, wanted, shard_seconds, window_seconds)
    if grown != shards:
        manifest.write_manifest(store, grown)


def _shard_seconds(spec: StoreSpec) -> float:
    """Audio per shard where nobody says how much: by what its last, partly empty batch costs."""
    batch = spec.batch_windows * spec.hop_samples / spec.sample_rate
    return max(60 * _SHARD_MINUTES, _SHARD_BATCHES * batch)


def _header(keyed: tuple[str, Clip]) -> tuple[float, str]:
    """Seconds of a clip by its file's header, 0 where it cannot be read, and then why."""
    clip = keyed[1]
    try:
        left = decode.probe(clip.path).seconds - clip.start
    except AudioError as error:
        return 0.0, error.reason
    if left <= 0:  # No samples at all: decoding will tell whether the file was cut.
        return 0.0, 'past_end' if clip.start else ''
    return left if clip.duration is None else min(left, clip.duration), ''


def _jobs(store: Path, request: _Request) -> list[Job]:
    """The clips of unfinished shards that this process writes, shard by shard."""
    shards = manifest.read_manifest(store)
    return [
        Job(index, planned, request.by_key[planned.key])
        for index, shard in enumerate(shards)
        if index % jax.process_count() == jax.process_index()
        and any(planned.key in request.by_key for planned in shard)
        and manifest.read_sidecar(store, index) is None
        for planned in shard
    ]


def _encode(
    encoder: Encoder,
    spec: StoreSpec,
    store: Path,
    jobs: Sequence[Job],
    threads: int,
    devices: Sequence[Any] | None,
    progress: Progress | None,
    on_error: str,
) -> set[int]:
    """Writes the shards of `jobs`, all or, with on_error='stop', to the first with a failure."""
    if not jobs:
        return set()
    written = set()
    encoding = Encoding(encoder, spec, devices or jax.local_devices())
    advance = _advance(progress, sum(job.planned.seconds for job in jobs))
    with contextlib.closing(fill(store, spec, encoding, jobs, threads, advance)) as shards:
        for index, entries in shards:
            written.add(index)
            if on_error == 'stop' and any(entry.failed for entry in entries):
                break
    return written


def _survey(clips: Sequence[Clip], spec: StoreSpec, threads: int) -> dict[str, str]:
    """Decodes clips without encoding them: clip -> reason for those that cannot be used.

    Decoding is many times faster than encoding, so the whole list comes within minutes.
    """
    jobs = [Job(0, Planned('', 0.0), clip) for clip in clips]
    found = ((job.clip, result) for job, result in decoded(jobs, spec, threads))
    return {str(clip): error.reason for clip, error in found if isinstance(error, AudioError)}


def _entries(store: Path, request: _Request) -> dict[str, Entry]:
    """What the finished shards say of the clips asked for."""
    found: dict[str, Entry] = {}
    for index in range(len(manifest.read_manifest(store))):
        sidecar = manifest.read_sidecar(store, index)
        for entry in sidecar.clips if sidecar else ():
            if entry.key in request.by_key and (entry.key not in found or found[entry.key].failed):
                found[entry.key] = entry
    return found


def _failures(store: Path, request: _Request, now: Collection[int] = ()) -> dict[str, str]:
    """Clip -> reason, for all that are known to be unusable.

    What may have been a matter of the moment counts only in the shards written `now`: elsewhere
    it is tried again.
    """
    fresh = {
        entry.key
        for index in now
        if (sidecar := manifest.read_sidecar(store, index))
        for entry in sidecar.clips
        if entry.failed
    }
    entries = _entries(store, request)
    return request.unreadable | {
        str(request.by_key[key]): entry.failed
        for key, entry in entries.items()
        if entry.failed and (entry.failed not in manifest.TRANSIENT or key in fresh)
    }


def _unusable(failed: dict[str, str], request: _Request) -> DataError:
    names = sorted(failed)
    asked = len(request.by_key) + len(request.unreadable)
    why = {name: decode.REASONS.get(failed[name], failed[name]) for name in names}
    lines = [f'  {name}: {failed[name]} ({why[name]})' for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        lines.append(f'  and {len(names) - _SHOWN} more')
    return DataError(
        f'{len(names)} of {asked} clips cannot be used:\n' + '\n'.join(lines) + '\nMend or remove '
        'them; or go on without them, each counted in every result, with '
        '--config.extract.on_error=quarantine. What is encoded stays encoded.'
    )


def _totals(store: Path, request: _Request) -> dict[str, Any]:
    entries = _entries(store, request)
    failed = {str(request.by_key[k]): e.failed for k, e in entries.items() if e.failed}
    good = [entry for entry in entries.values() if not entry.failed]
    return {
        'clips': len(request.by_key) + len(request.unreadable),
        'windows': sum(entry.windows for entry in good),
        'padded': sum(entry.padded for entry in good),
        'silent': sum(entry.silent for entry in good),
        'failed': dict(sorted((request.unreadable | failed).items())),
    }


def _write_tfds(store: Path, spec: StoreSpec) -> None:
    shards = range(len(manifest.read_manifest(store)))
    sidecars = [manifest.read_sidecar(store, index) for index in shards]
    lengths = [sidecar.records if sidecar else 0 for sidecar in sidecars]
    writer.write_tfds(store, spec, lengths, sum(s.bytes for s in sidecars if s))


def _advance(progress: Progress | None, total: float) -> Callable[[float], None]:
    done = 0.0

    def advance(seconds: float) -> None:
        nonlocal done
        done += seconds
        if progress:
            progress(min(done, total), total)

    return advance
