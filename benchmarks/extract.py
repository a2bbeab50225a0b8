"""How fast audio goes through an encoder into a store, one JSON line per case.

    python -m benchmarks.extract
    python -m benchmarks.extract --encoder mert_v1_95m --clip-seconds 10 --rounds 3 --peer
    python -m benchmarks.extract --case memory --encoder muq --dtype bfloat16 --batch-seconds 640
    python -m benchmarks.extract --case stand-in --batch-seconds 640

In seconds of audio per second (x real time), each the median over interleaved rounds:

`files` (the default): `decode` (files to windows, with the pipeline's own threads), `encode`
(decoded windows to pooled layers on the host), `whole` (files to finished shards). `floor` is the
best the whole could reach: on a CPU, where decoding and encoding share the cores, 1 / (1/decode +
1/encode); on an accelerator the slower of the two. `ratio` is whole / floor, as the median over
rounds, so that a machine that is busy for a while slows all three. `cpu_ratio` is the same of
core seconds: work that the whole adds to its parts, without waiting. Compilation, hashing and
planning are not in `whole`; `call` is one call of the stage with all of that in it. `--peer` times
a loop over the same files in torch beside it, with the same weights (`extract_torch.py`):
`times_peer` is its time over that of `whole`.

`memory`: windows that are in memory to pooled layers that are on the host, beside a plain matrix
product in the same dtype; `of_matmul` is the arithmetic that the card states over that rate.

`stand-in`: what the host must do for a device that takes a fixed time per batch (`--rate`, x real
time): fill batches, write and close shards. `of_device` is the share of its rate that is reached.
"""

import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import jax
import numpy as np

from benchmarks import encode as products
from jaxprobe.audio import decode
from jaxprobe.audio.decode import AudioError
from jaxprobe.audio.loader import Loaded
from jaxprobe.encoders import base
from jaxprobe.features import reader
from jaxprobe.features.manifest import Planned
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.stages import extract, fill
from jaxprobe.stages.encode import Encoding, Finished, Row, batches, in_flight
from jaxprobe.stages.fill import Job

ROOT = Path(__file__).resolve().parents[1]
MUSIC = ROOT.parent / 'shared' / 'data' / 'music'
CASES = ('files', 'memory', 'stand-in')
TARGETS = {'cpu': 0.95, 'accelerator': 0.9}  # Of the floor.


def recordings(folder: Path, made: Path) -> list[Path]:
    """The audio files of a folder; where there are none, stereo flac files of noisy chords."""
    found = sorted(p for p in folder.glob('*') if p.suffix in ('.ogg', '.wav', '.flac', '.mp3'))
    if found:
        return found
    import soundfile

    rng, rate = np.random.default_rng(0), 44100
    t = np.arange(60 * rate) / rate
    for i in range(8):
        chord = np.mean([np.sin(2 * np.pi * f * t) for f in rng.uniform(80, 2000, 4)], axis=0) / 2
        stereo = chord[:, None] + 0.05 * rng.standard_normal((len(t), 2))
        soundfile.write(made / f'{i}.flac', stereo, rate)
    return sorted(made.glob('*.flac'))


def spec_of(encoder: base.Encoder, dtype: str, batch_seconds: float) -> StoreSpec:
    """The store of an encoder at its card's own window."""
    card = encoder.card
    return StoreSpec(
        encoder=card.name,
        weights_sha256=encoder.weights_sha256,
        port_version=card.port_version,
        layers=tuple((layer.name, layer.width) for layer in card.layers),
        compute_dtype=dtype,
        sample_rate=card.sample_rate,
        window_samples=card.window_samples,
        hop_samples=card.hop_samples or card.window_samples,
        lead_samples=card.lead_samples,
        normalise=card.normalise,
        batch_windows=max(1, round(batch_seconds * card.sample_rate / card.window_samples)),
    )


class Spent(NamedTuple):
    """Seconds of one run: on the clock, and of all threads on the cores."""

    wall: float
    cpu: float


def timed(run: Callable[[], object]) -> Spent:
    """Times one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


class Cases:
    """The three things that are timed, over the same audio."""

    def __init__(self, encoder: base.Encoder, spec: StoreSpec, clips: list[Clip], threads: int):
        """Decodes everything once, for the encoder-only case, and compiles."""
        self.encoder, self.spec, self.threads = encoder, spec, threads
        whole = [decode.probe(clip.path).seconds for clip in clips]
        seconds = [min(s, clip.duration or s) for s, clip in zip(whole, clips)]
        self.jobs = [
            Job(0, Planned(f'{i:032d}', s), c) for i, (c, s) in enumerate(zip(clips, seconds))
        ]
        self.seconds = sum(seconds)
        self.encoding = Encoding(encoder, spec, jax.local_devices())
        decoded = [item for _, item in fill.decoded(self.jobs, spec, threads)]
        self.loaded = [item for item in decoded if not isinstance(item, AudioError)]
        self.encode()

    def decode(self) -> None:
        """Files to windows."""
        for _, item in fill.decoded(self.jobs, self.spec, self.threads, self.encoding.depth):
            assert isinstance(item, Loaded)

    def encode(self) -> None:
        """Windows to pooled layers on the host."""
        for wave, rows in batches(enumerate(self.loaded), self.spec, self.encoding.blank):
            list(self.encoding.start(wave, rows))
        list(self.encoding.drain())

    def whole(self) -> None:
        """Files to a finished shard."""
        with tempfile.TemporaryDirectory() as store:
            shards = fill.fill(
                Path(store), self.spec, self.encoding, self.jobs, self.threads, lambda seconds: None
            )
            list(shards)

    def call(self, stores: Path) -> None:
        """The stage: hashes, plans, compiles, and writes a store."""
        clips = [job.clip for job in self.jobs]
        extract.extract(self.encoder, self.spec, clips, stores, threads=self.threads)


class Torch:
    """The loop in torch, as a process; `missing` says why there is none."""

    def __init__(self, asked: argparse.Namespace, card: base.Card, clips: list[Clip], made: Path):
        """Starts it, and waits until it has seen every file once."""
        self.folder, self.weights = made / 'peer', made / 'model.safetensors'
        self.folder.mkdir()
        wanted = {
            'encoder': card.name,
            'files': [str(clip.path) for clip in clips],
            'seconds': asked.clip_seconds,
            'sample_rate': card.sample_rate,
            'window': card.window_samples,
            'batch': max(1, round(asked.batch_seconds * card.sample_rate / card.window_samples)),
            'zscore': card.normalise == 'zscore',
            'threads': asked.threads,
            'weights': str(self.weights),
            'folder': str(self.folder),
        }
        python = asked.peer_python or sys.executable
        self.process = subprocess.Popen(
            [python, '-m', 'benchmarks.extract_torch', json.dumps(wanted)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._read()
        self.missing = self.about.get('missing', '')

    def timed(self) -> Spent:
        """One pass over the files."""
        stdin = cast(IO[str], self.process.stdin)
        stdin.write(f'{self.folder}\n')
        stdin.flush()
        line = self._read()
        return Spent(line['wall'], line['processor'])

    def features(self, count: int) -> np.ndarray:
        """What it wrote: windows of all files, [N, layers, width]."""
        return np.concatenate([np.load(self.folder / f'{i}.npy') for i in range(count)])

    def close(self) -> None:
        """Ends the process by closing what it reads."""
        cast(IO[str], self.process.stdin).close()
        self.process.wait()
        cast(IO[str], self.process.stdout).close()

    def _read(self) -> dict[str, Any]:
        line = cast(IO[str], self.process.stdout).readline()
        return json.loads(line) if line else {'missing': f'it ended with {self.process.wait()}'}


def files(name: str, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The lines of decode, encode, whole, call and, where it is asked for, the peer."""
    made = Path(tempfile.mkdtemp())
    peer = None
    try:
        paths = recordings(asked.audio, made) * asked.repeat
        card = base.card(name)
        if asked.peer:  # It has no rule for clips that are shorter than a window.
            least = card.window_samples / card.sample_rate
            if 0 < asked.clip_seconds < least:
                raise SystemExit(
                    f'--peer: --clip-seconds={asked.clip_seconds:g} is shorter than '
                    f"{name}'s window of {least:g} s"
                )
            paths = [path for path in paths if decode.probe(path).seconds >= least]
        clips = [Clip(path, 0.0, asked.clip_seconds or None) for path in paths]
        weights = asked.weights
        if asked.peer:
            peer = Torch(asked, card, clips, made)
            if peer.missing:
                raise SystemExit(f'--peer: {peer.missing}')
            weights = str(peer.weights)
        encoder = base.load(name, weights=weights, dtype=asked.dtype)
        cases = Cases(
            encoder, spec_of(encoder, asked.dtype, asked.batch_seconds), clips, asked.threads
        )
        rounds, theirs = [], []
        for _ in range(asked.rounds):
            rounds.append([timed(run) for run in (cases.decode, cases.encode, cases.whole)])
            if peer:
                theirs.append(peer.timed())
        call = timed(lambda: cases.call(made / 'stores'))
        common = _common(name, asked, encoder, cases.spec) | {
            'threads': asked.threads,
            'audio_seconds': round(cases.seconds, 1),
        }
        for line in _rates(cases, rounds, call, asked.repeat):
            yield common | line
        if peer:
            line = _beside(cases, rounds, theirs) | peer.about
            rows = reader.load(cases.spec.path(made / 'stores'), clips)
            yield common | line | {'difference': difference(rows.groups, peer.features(len(clips)))}
    finally:
        if peer:
            peer.close()
        shutil.rmtree(made)


def _common(
    name: str, asked: argparse.Namespace, encoder: base.Encoder, spec: StoreSpec
) -> dict[str, Any]:
    """What every line of an encoder says."""
    drawn = asked.peer or encoder.weights_sha256.startswith('random')
    return {
        'benchmark': 'extract',
        'encoder': name,
        'weights': 'random' if drawn else 'published',
        'dtype': asked.dtype,
        'device': jax.local_devices()[0].device_kind,
        'devices': len(jax.local_devices()),
        'batch_windows': spec.batch_windows,
        'rounds': asked.rounds,
    }


def _rates(
    cases: Cases, rounds: list[list[Spent]], call: Spent, repeat: int
) -> Iterator[dict[str, Any]]:
    shared = jax.local_devices()[0].platform == 'cpu'  # Decoding and encoding share the cores.

    def rate(case: str, spent: Iterable[Spent], times: int = 1) -> dict[str, Any]:
        wall, cpu = (statistics.median(column) * times for column in zip(*spent))
        rates = {'x_real_time': cases.seconds / wall, 'x_core_time': cases.seconds / cpu}
        return {'case': case} | {name: round(value, 1) for name, value in rates.items()}

    floors = [d.wall + e.wall if shared else max(d.wall, e.wall) for d, e, _ in rounds]
    ratios = [floor / whole.wall for floor, (_, _, whole) in zip(floors, rounds)]
    yield rate('decode', (decoding for decoding, _, _ in rounds))
    yield rate('encode', (encoding for _, encoding, _ in rounds))
    yield rate('whole', (whole for _, _, whole in rounds)) | {
        'floor': round(cases.seconds / statistics.median(floors), 1),
        'ratio': round(statistics.median(ratios), 3),
        'ratios': [round(ratio, 3) for ratio in ratios],
        'cpu_ratio': round(statistics.median((d.cpu + e.cpu) / w.cpu for d, e, w in rounds), 3),
        'target': TARGETS['cpu' if shared else 'accelerator'],
    }
    yield rate('call', [call], repeat)  # The same audio twice is encoded once.


def _beside(cases: Cases, rounds: list[list[Spent]], theirs: list[Spent]) -> dict[str, Any]:
    ours = [whole for _, _, whole in rounds]
    walls = [a.wall / b.wall for a, b in zip(theirs, ours)]
    return {
        'case': 'peer',
        'x_real_time': round(cases.seconds / statistics.median(a.wall for a in ours), 2),
        'peer_x_real_time': round(cases.seconds / statistics.median(a.wall for a in theirs), 2),
        'times_peer': round(statistics.median(walls), 3),
        'times_peer_of_rounds': [round(ratio, 3) for ratio in walls],
        'processor_times_peer': round(
            statistics.median(a.cpu / b.cpu for a, b in zip(theirs, ours)), 3
        ),
        'target': 1.0,
    }


def difference(groups: dict[int, np.ndarray], theirs: np.ndarray) -> float:
    """Largest difference of features of one width, in units of each layer's rms."""
    (ours,) = groups.values()
    scale = np.sqrt(np.mean(np.square(theirs), axis=(0, 2), keepdims=True))
    return float(f'{np.abs((ours - theirs) / scale).max():.2g}')


def memory(name: str, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The line of windows that are in memory already."""
    encoder = base.load(name, weights=asked.weights, arch=asked.arch, dtype=asked.dtype)
    spec, card = spec_of(encoder, asked.dtype, asked.batch_seconds), encoder.card
    encoding = Encoding(encoder, spec, jax.local_devices())
    shape = (spec.batch_windows, spec.input_samples)
    random = np.random.default_rng(0)
    count = 2 * encoding.depth + 1
    waves = [0.1 * random.standard_normal(shape, np.float32) for _ in range(min(4, count))]
    rows = [Row(0, i, 0, False) for i in range(spec.batch_windows)]
    audio = count * spec.batch_windows * spec.hop_samples / spec.sample_rate

    def stream() -> None:
        for i in range(count):
            list(encoding.start(waves[i % len(waves)], rows))
        list(encoding.drain())

    gflop, plain = products.matmul(asked.dtype, cpu=jax.devices()[0].platform == 'cpu')
    stream()
    rounds = [(timed(stream), plain()) for _ in range(asked.rounds)]
    each = card.gflop_per_second * audio / len(jax.local_devices())
    yield _common(name, asked, encoder, spec) | {
        'case': 'memory',
        'audio_seconds': round(audio, 1),
        'x_real_time': round(audio / statistics.median(ours.wall for ours, _ in rounds), 1),
        'gflop_per_second_of_audio': card.gflop_per_second,
        'gflop_per_second_per_device': round(
            each / statistics.median(ours.wall for ours, _ in rounds), 1
        ),
        'matmul_gflop_per_second': round(gflop / statistics.median(p.wall for _, p in rounds), 1),
        'of_matmul': round(
            statistics.median(each / ours.wall / (gflop / p.wall) for ours, p in rounds), 3
        ),
        'target': 0.5,
    }


class StandIn(Encoding):
    """A device that takes a fixed time for a batch and computes nothing.

    On the host's clock, or (`busy`) on one that counts the processor time of this thread and what
    it would have waited for the device: what a core of its own would give, disks aside.
    """

    def __init__(self, spec: StoreSpec, seconds: float, *, busy: bool):
        """Takes how long a batch takes."""
        super().__init__(base.Encoder(base.card('muq'), {}, lambda *_: None, ''), spec, [None])
        self.depth = in_flight(spec, 'stand-in')
        self._seconds, self._busy = seconds, busy
        self._free = self._waited = 0.0
        self._groups = {
            width: np.zeros((spec.batch_windows, *spec.shape(width)), np.float32)
            for width in spec.groups
        }

    def now(self) -> float:
        """Seconds on that clock."""
        return time.thread_time() + self._waited if self._busy else time.perf_counter()

    def start(self, wave: np.ndarray, rows: list[Row]) -> Iterator[Finished]:
        """Queues a batch behind those before it."""
        self._free = max(self.now(), self._free) + self._seconds
        self._flight.append((wave, rows, cast(Any, self._free)))
        while len(self._flight) > self.depth:
            yield self._finish()

    def _finish(self) -> Finished:
        wave, rows, ready = self._flight.popleft()
        left = max(0.0, cast(Any, ready) - self.now())
        if self._busy:
            self._waited += left
        else:
            time.sleep(left)
        self._spare.append(wave)
        return Finished(rows, self._groups, np.ones(len(rows), bool))


def stand_in(name: str, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The line of a device that is nothing but its rate."""
    card = base.card(name)
    described = base.Encoder(card, {}, lambda *_: None, 'none')
    spec = spec_of(described, asked.dtype, asked.batch_seconds)
    window = spec.hop_samples / spec.sample_rate
    item = Loaded(
        np.zeros(3 * spec.hop_samples + spec.input_samples, np.float32),
        np.arange(3) * spec.hop_samples,
        False,
        np.zeros(3, bool),
    )
    per_shard = round(extract._shard_seconds(spec) / (3 * window))
    jobs = [
        Job(s, Planned(f'{s:016d}{i:016d}', 3 * window), Clip(Path('none')))
        for s in range(asked.shards)
        for i in range(per_shard)
    ]
    audio, decoded = len(jobs) * 3 * window, fill.decoded
    spent = {True: [], False: []}  # Seconds of every round, on either clock.
    fill.decoded = lambda jobs, *_: ((job, item) for job in jobs)
    try:
        for _ in range(asked.rounds):
            for busy, seconds in spent.items():
                encoding = StandIn(spec, spec.batch_windows * window / asked.rate, busy=busy)
                with tempfile.TemporaryDirectory() as store:
                    began = encoding.now()
                    shards = fill.fill(Path(store), spec, encoding, jobs, 1, lambda seconds: None)
                    collections.deque(shards, maxlen=0)
                    seconds.append(encoding.now() - began)
    finally:
        fill.decoded = decoded
    shares = {
        busy: [round(audio / asked.rate / one, 3) for one in seconds]
        for busy, seconds in spent.items()
    }
    yield {
        'benchmark': 'extract',
        'case': 'stand-in',
        'encoder': name,
        'rate': asked.rate,
        'batch_windows': spec.batch_windows,
        'shards': asked.shards,
        'shard_minutes': round(per_shard * 3 * window / 60, 1),
        'in_flight': in_flight(spec, 'stand-in'),
        'of_device': statistics.median(shares[False]),
        'of_device_rounds': shares[False],
        'of_device_with_a_core': statistics.median(shares[True]),
        'target': TARGETS['accelerator'],
    }


def main(arguments: list[str] | None = None) -> None:
    """Times the cases and prints them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--encoder', nargs='+', default=['musicnn_msd'])
    parser.add_argument('--case', choices=CASES, default='files')
    parser.add_argument('--weights', default='random', help="'' for the published file")
    parser.add_argument('--arch', default='')
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--audio', type=Path, default=MUSIC)
    parser.add_argument('--clip-seconds', type=float, default=0.0, help='of each file; 0: all')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--threads', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--repeat', type=int, default=1, help='times the audio is gone through')
    parser.add_argument('--batch-seconds', type=float, default=48.0)
    parser.add_argument('--peer', action='store_true', help='time a loop in torch beside it')
    parser.add_argument('--peer-python', default='', help='the interpreter that has it')
    parser.add_argument('--rate', type=float, default=9000.0, help='of the stand-in')
    parser.add_argument('--shards', type=int, default=4, help='of the stand-in')
    asked = parser.parse_args(arguments)
    run = {'files': files, 'memory': memory, 'stand-in': stand_in}[asked.case]
    for name in asked.encoder:
        for line in run(name, asked):
            print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
