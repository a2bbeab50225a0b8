"""Items decoded and ready to be cut, by threads that stay a bounded stretch ahead of their use."""

import collections
import hashlib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.audio import decode
from jaxprobe.audio.window import Windowing, extended, starts
from jaxprobe.core import level

SILENCE = 1e-4  # Peak of a silent window, -80 dBFS: dithered 16-bit silence stays below it.

# (mono wave at its file's own rate, that rate) -> another wave at that rate.
Change = Callable[[Float[np.ndarray, 'samples'], int], Float[np.ndarray, 'changed']]

Job = TypeVar('Job')
Result = TypeVar('Result')


class Loaded(NamedTuple):
    """An item in memory: its samples, where its windows start, and what to know of them.

    A padded item is shorter than a window; `samples` is then already filled up to one. With a
    lead, `samples` begins that much before the item (see `window.extended`) and `starts` still
    counts from the item's start, so that the window at `s` with its lead is
    `samples[s : s + lead + window]`. A window is silent or not without its lead. `sound` is the
    hash of the item's samples as they were decoded.
    """

    samples: Float[np.ndarray, 'samples']
    starts: Int[np.ndarray, 'R']
    padded: bool
    silent: Bool[np.ndarray, 'R']
    sound: str = ''


def load(
    path: Path,
    start: float,
    duration: float | None,
    sample_rate: int,
    w: Windowing,
    normalise: str = 'none',
    change: Change | None = None,
) -> Loaded:
    """Decodes an item and lists its windows; the first arguments are those of `decode.read`.

    Args:
        path: of the file.
        start: of the item in it, in seconds.
        duration: of the item, in seconds; None to the end.
        sample_rate: Hz.
        w: the windowing.
        normalise: how the whole item is scaled before it is cut, see `level.apply`. Windows are
            silent or not as they were recorded, before that.
        change: done to the item at its file's own rate, before it is resampled. Windows are cut
            from what it returns, which may be longer or shorter.

    Raises:
        AudioError: the item cannot be used.
    """
    try:
        if change is None:
            wave = decode.read(path, sample_rate, start, duration)
        else:
            own = decode.probe(path).rate
            changed = change(decode.read(path, own, start, duration), own)
            if wrong := np.count_nonzero(~np.isfinite(changed)):
                raise decode.AudioError('not_finite', path, f'{wrong} samples, once deformed')
            wave = decode.resample(changed, own, sample_rate)
        at = starts(len(wave), w)
    except decode.AudioError as error:
        raise decode.AudioError(error.reason, path, error.detail) from error
    except OSError as error:  # Gone, or unreachable, since its header was read.
        raise decode.AudioError('unreadable', path, error.strerror or str(error)) from error
    padded = len(wave) < w.samples
    windows = (wave[i : i + w.samples] for i in at)  # A repeat is as silent as what it repeats.
    silent = [max(window.max(), -window.min()) < SILENCE for window in windows]
    sound = sound_hash(wave)
    wave = extended(level.apply(wave, normalise), w)
    return Loaded(wave, at, padded, np.array(silent, bool), sound)


def sound_hash(wave: Float[np.ndarray, 'samples']) -> str:
    """Identifies audio by its samples, whatever file they came from: 32 hex digits.

    Copies under other names and in other lossless formats agree; resampled, cut or lossy ones do
    not.
    """
    return hashlib.blake2b(np.ascontiguousarray(wave, '<f4').data, digest_size=16).hexdigest()


def ahead(
    jobs: Iterable[Job],
    work: Callable[[Job], Result],
    cost: Callable[[Job], float],
    *,
    threads: int,
    budget: float,
) -> Generator[tuple[Job, Result], None, None]:
    """Works on jobs in threads and yields them in order, never far ahead of their use.

    Args:
        jobs: taken one by one.
        work: what the threads do.
        cost: of a job's result while it waits (seconds of audio, say).
        threads: that work.
        budget: no job is started while results of this cost wait or are being made, except to
            keep every thread busy.
    """
    waiting: collections.deque[tuple[Job, Future[Result], float]] = collections.deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix='decode')
    held = 0.0
    rest = iter(jobs)
    more = True
    try:
        while more or waiting:
            while more and (held < budget or len(waiting) <= threads):
                try:
                    job = next(rest)
                except StopIteration:
                    more = False
                    break
                waiting.append((job, pool.submit(work, job), cost(job)))
                held += waiting[-1][2]
            if waiting:
                job, future, price = waiting.popleft()
                yield job, future.result()
                held -= price
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
