"""Runs cases through the package and holds what comes out against what must."""

import contextlib
import math
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import soundfile

from benchmarks.inputs import tables
from benchmarks.inputs.cases import (
    ACCEPT,
    EITHER,
    LEAST,
    RATE,
    REFUSE,
    VIOLATION,
    WINDOW,
    Case,
    Heard,
    Listed,
    Outcome,
    Wanted,
)
from jaxprobe.audio import decode, loader
from jaxprobe.core.errors import JaxprobeError
from jaxprobe.encoders import base
from jaxprobe.features import manifest as store_plan
from jaxprobe.features import reader
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.stages import extract, prepare
from jaxprobe.tasks import registry, targets
from jaxprobe.tasks.base import Beats, Item, Kind, Segments, Task

_GONE = {'missing', 'unreadable', 'empty'}  # Which of them, opening and hashing may see otherwise.
GROWTH = 400 * 2**20  # Bytes of memory that one case may take beyond what the process holds.
ADDRESSES = 6 * 2**30  # Bytes of address space beyond what the process has at its start.


class Violation(Exception):
    """What must not be; its text says what was."""


class Judge:
    """The encoder, its store, and the folder where cases are written."""

    def __init__(self, root: Path, seed: int):
        """Loads the encoder and bounds the memory of this process."""
        self.root, self.seed = root, seed
        jax.config.update('jax_compilation_cache_dir', str(root / 'compiled'))
        jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)
        jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1)
        self._encoder = base.load('fbank_chroma')
        card = self._encoder.card
        self._spec = StoreSpec(
            encoder=card.name, weights_sha256=self._encoder.weights_sha256,
            port_version=card.port_version, sample_rate=RATE, window_samples=WINDOW,
            hop_samples=WINDOW, min_samples=LEAST, batch_windows=16,
            layers=tuple((layer.name, layer.width) for layer in card.layers),
        )  # fmt: skip
        self._stores = root / f'stores-{os.getpid()}'
        self._encode = jax.jit(self._encoder.encode)
        tables.sounds(root / 'warm')
        self._extract([Clip(root / 'warm' / name) for name in tables.NAMES])
        _bound_addresses()

    def table(self, case: Case) -> Outcome:
        """One table through `build`, `prepare`, `items`, `targets` and `extract`."""
        listed: Any = self._made(case)
        try:
            with watched():
                task = registry.build(listed.task, listed.options)
                text, found = prepare.prepare(task, listed.data, decode=True)
                items = task.items(listed.data)
                targets.encode(task, items) if not task.kind.framewise else targets.check(
                    task, items
                )
        except JaxprobeError as error:
            return self._refused(case, listed, str(error))
        if listed.verdict == REFUSE and not found.usable:
            return self._refused(case, listed, text)
        if listed.verdict == REFUSE:
            raise Violation(f'accepted, as {[(i.path.name, i.target) for i in items][:3]}')
        _told(listed, text, found)
        if listed.wanted:
            same_items(task, items, listed.wanted)
        clips = list(dict.fromkeys(Clip(i.path, i.start, i.duration) for i in items))
        with watched():
            report = self._extract(clips)
        self._encoded(clips, report)
        lost = [w for w in listed.wanted if not w.there]
        for item, want in zip(items, listed.wanted):
            name = str(Clip(item.path, item.start, item.duration))
            if want.there == (name in report.failed):
                raise Violation(f'{name}: {report.failed.get(name, "was encoded")}')
            known = item.duration is None or item.duration * RATE >= LEAST  # To `prepare`.
            if (
                known
                and not want.there
                and str(item.path) not in (*found.missing, *found.unreadable)
            ):
                raise Violation(f'`prepare --decode` does not list {item.path}')
        return Outcome(
            case.id, case.family, 'quarantined' if lost else 'accepted', f'{len(items)} items'
        )

    def sound(self, case: Case) -> Outcome:
        """One file through the decoder."""
        heard: Any = self._made(case)
        try:
            with watched():
                wave = decode.read(heard.path, RATE, heard.start, heard.duration)
        except JaxprobeError as error:
            if heard.verdict == ACCEPT:
                raise Violation(f'good audio is refused: {error}') from None
            _one_message(str(error), (str(heard.path),))
            return Outcome(case.id, case.family, 'refused', str(error))
        if heard.verdict == REFUSE:
            raise Violation(f'accepted, with {len(wave)} samples')
        return Outcome(case.id, case.family, 'accepted', same_sound(wave, heard))

    def together(self, cases: Sequence[Case]) -> list[Outcome]:
        """Files that `sound` has judged, through one extraction; one outcome each."""
        every: list[Any] = [self._made(case) for case in cases]
        clips = [Clip(heard.path, heard.start, heard.duration) for heard in every]
        expected = [_reason(clip) for clip in clips]
        try:
            with watched(1 + len(cases) // 50):
                report = self._extract(clips)
        except JaxprobeError as error:
            raise Violation(f'on_error=quarantine stopped: {error}') from None
        outcomes = []
        for case, heard, clip, reason in zip(cases, every, clips, expected, strict=True):
            told = report.failed.get(str(clip), '')
            if told == 'encoder_not_finite' and heard.verdict == EITHER:
                reason = told
            if told != reason and not {told, reason} <= _GONE:
                what = f'extraction says {told or "nothing"}, decoding {reason or "nothing"}'
                outcomes.append(Outcome(case.id, case.family, VIOLATION, what))
            else:
                end = 'quarantined' if reason else 'encoded'
                outcomes.append(Outcome(case.id, case.family, end, reason))
        self._encoded(clips, report)
        return outcomes

    def good(self) -> Clip:
        """A file that can be used."""
        return Clip(self.root / 'warm' / 'a.wav')

    def stopping(self, case: Case) -> Outcome:
        """One file beside a good one with on_error='stop'."""
        heard: Any = self._made(case)
        clip = Clip(heard.path, heard.start, heard.duration)
        reason = _reason(clip)
        try:
            with watched():
                self._extract([self.good(), clip], 'stop')
        except JaxprobeError as error:
            if not reason and 'encoder_not_finite' not in str(error):
                raise Violation(f'good audio stops the run: {error}') from None
            _one_message(str(error), (str(heard.path), reason))
            return Outcome(case.id, case.family, 'stopped', str(error))
        if reason:
            raise Violation(f'on_error=stop went on over {reason}')
        return Outcome(case.id, case.family, 'encoded')

    def _made(self, case: Case) -> Heard | Listed:
        """Writes a case, the same bytes every time."""
        folder = case.folder(self.root)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return case.make(folder, case.generator(self.seed))

    def _refused(self, case: Case, listed: Listed, message: str) -> Outcome:
        if listed.verdict == ACCEPT:
            raise Violation(f'a good table is refused: {message}')
        _one_message(message, listed.names)
        return Outcome(case.id, case.family, 'refused', message)

    def _extract(
        self, clips: Sequence[Clip], on_error: str = 'quarantine'
    ) -> extract.ExtractReport:
        return extract.extract(
            self._encoder, self._spec, clips, self._stores, on_error=on_error, threads=2
        )

    def _encoded(self, clips: Sequence[Clip], report: extract.ExtractReport) -> None:
        """Holds what the store has of clips against their own samples, encoded apart."""
        store = self._spec.path(self._stores)
        good = [clip for clip in clips if str(clip) not in report.failed]
        if set(reader.failures(store, clips)) != {k for k, c in enumerate(clips) if c not in good}:
            raise Violation('the store and the report name other failures')
        if not good:
            return
        found = reader.load(store, good)
        sounds = _sounds(store)
        keys = keys_of(good, self._stores).keys
        for k, clip in enumerate(good):
            wave = decode.read(clip.path, RATE, clip.start, clip.duration)
            windows = _windows(wave)
            if found.count[k] != len(windows):
                raise Violation(f'{clip}: {found.count[k]} windows are stored of {len(windows)}')
            if sounds[keys[k] or ''] != loader.sound_hash(wave):
                raise Violation(f'{clip}: the store holds other audio')
            rows = slice(found.first[k], found.first[k] + min(4, len(windows)))
            own = np.zeros((4, WINDOW), np.float32)
            own[: len(windows[:4])] = windows[:4]
            encoded = np.asarray(self._encode(self._encoder.params, own)[0]).mean(axis=1)
            stored = found.groups[encoded.shape[-1]][rows, 0]
            if not np.allclose(stored, encoded[: len(stored)], rtol=1e-3, atol=1e-3):
                raise Violation(f'{clip}: the embeddings stored are not those of its samples')


def _windows(wave: np.ndarray) -> np.ndarray:
    """Whole windows of a wave, by reshaping; a short one repeated."""
    if len(wave) < WINDOW:
        return np.tile(wave, -(-WINDOW // len(wave)))[None, :WINDOW]
    return wave[: len(wave) // WINDOW * WINDOW].reshape(-1, WINDOW)


def _sounds(store: Path) -> dict[str, str]:
    shards = range(len(store_plan.read_manifest(store)))
    sidecars = [store_plan.read_sidecar(store, index) for index in shards]
    return {
        e.key: e.sound for sidecar in sidecars if sidecar for e in sidecar.clips if not e.failed
    }


def _reason(clip: Clip) -> str:
    """Why a clip cannot be used, by decoding it alone; '' where it can."""
    try:
        wave = decode.read(clip.path, RATE, clip.start, clip.duration)
    except decode.AudioError as error:
        return error.reason
    return 'too_short' if len(wave) < LEAST else ''


def same_sound(wave: np.ndarray, heard: Heard) -> str:
    """Says how decoded samples agree with those that were written."""
    if not np.isfinite(wave).all():
        raise Violation('samples are not finite')
    if heard.wave is None:
        return f'{len(wave)} samples, unknown before'
    if heard.rate != RATE:
        return _resampled(wave, heard)
    expected = heard.wave
    if not 0 <= len(wave) - len(expected) <= heard.more:
        raise Violation(f'{len(wave)} samples of {len(expected)}')
    difference = wave[: len(expected)] - expected
    scale = max(math.sqrt(np.mean(np.square(expected))), 1e-37)
    error = math.sqrt(np.mean(np.square(difference, dtype=np.float64))) / scale
    if error > max(heard.error, 3e-7):
        raise Violation(f'samples differ by {error:.2g} of their rms')
    return f'{len(wave)} samples, {error:.1g} off'


def _resampled(wave: np.ndarray, heard: Heard) -> str:
    """Of another rate: held against soxr on the whole."""
    import soxr

    expected = soxr.resample(np.float32(heard.wave), heard.rate, RATE, quality='HQ')
    if len(wave) != len(expected) or not np.allclose(wave, expected, atol=1e-5):
        raise Violation(f'{len(wave)} samples are not those resampled from {heard.rate} Hz')
    return f'{len(wave)} samples, resampled'


def same_items(task: Task, items: Sequence[Item], wanted: Sequence[Wanted]) -> None:
    """Holds labels, splits, paths and times against those that were written."""
    if len(items) != len(wanted):
        raise Violation(f'{len(items)} items of {len(wanted)}')
    for item, want in zip(items, wanted, strict=True):
        label = _meaning(task, item)
        if label != want.label:
            raise Violation(f'{item.id}: WRONG LABEL {label!r}, written as {want.label!r}')
        if item.split != want.split or str(item.path) != str(want.path):
            raise Violation(f'{item.id}: {item.split} {item.path}, not {want.split} {want.path}')
        wrong = task.name == 'own_data' and (item.start, item.duration) != (
            want.start,
            want.duration,
        )
        if wrong:
            raise Violation(f'{item.id}: {item.start} + {item.duration}, not {want[3:5]}')


def _meaning(task: Task, item: Item) -> Any:
    """A target as the table words it."""
    target: Any = item.target
    if task.kind in (Kind.MULTICLASS, Kind.KEY):
        return task.labels[target]
    if task.kind is Kind.MULTILABEL:
        return {task.labels[k] for k in target}
    if isinstance(target, Beats):
        return tuple(tuple(round(t, 9) for t in times) for times in target)
    if isinstance(target, Segments):
        names = [None if k < 0 else task.labels[k] for k in target.labels]
        edges = [round(t, 9) for t in (*target.starts, target.end)]
        return tuple(zip(names, edges, edges[1:]))
    return target


def _told(listed: Listed, text: str, found: Any) -> None:
    """The remarks of `prepare` mention what they must, and name no file that is there."""
    for word in listed.notes:
        if not any(word in note for note in found.notes):
            raise Violation(f'`prepare` says nothing of {word!r}: {found.notes}')
    there = {str(w.path) for w in listed.wanted if w.there and soundfile_reads(Path(w.path))}
    if there & {*found.missing, *found.unreadable}:
        raise Violation('`prepare` calls a good file missing or unreadable')
    text.encode('utf-8', 'surrogateescape')


def soundfile_reads(path: Path) -> bool:
    """Whether a path is a plain file that libsndfile reads."""
    with contextlib.suppress(soundfile.LibsndfileError, OSError, ValueError):
        return path.is_file() and soundfile.info(str(path)).frames > 0
    return False


def _one_message(message: str, names: Sequence[str]) -> None:
    """An error of ours names the file, and is not the text of a trace."""
    if 'Traceback' in message or not message.strip():
        raise Violation(f'no message for a person: {message!r}')
    for name in names:
        if name not in message:
            raise Violation(f'the error does not mention {name!r}: {message[:400]}')


@contextlib.contextmanager
def watched(times: int = 1) -> Iterator[None]:
    """Fails where the block takes more memory at once than it may, or raises what is not ours."""
    before = _memory(reset=True)
    try:
        yield
    except JaxprobeError:
        raise
    except Exception as error:
        kind = f'{type(error).__module__}.{type(error).__name__}'
        raise Violation(f'a bare {kind}: {str(error)[:300]}') from error
    grown = _memory() - before
    if grown > GROWTH * times:
        raise Violation(f'{grown / 2**20:.0f} MiB of memory were taken')


def _memory(*, reset: bool = False) -> int:
    """Bytes: what is held now, and with that the peak is forgotten; else the peak since."""
    if reset:
        with contextlib.suppress(OSError):
            Path('/proc/self/clear_refs').write_text('5')
    field = 'VmRSS' if reset else 'VmHWM'
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


def _bound_addresses() -> None:
    """A header that promises 2^60 frames meets a wall instead of the machine's memory."""
    lines = Path('/proc/self/status').read_text().splitlines()
    now = next(int(line.split()[1]) for line in lines if line.startswith('VmSize')) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESSES, resource.RLIM_INFINITY))
