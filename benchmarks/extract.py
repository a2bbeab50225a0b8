"""How fast audio goes through an encoder into a store, one JSON line per case.

    python -m benchmarks.extract
    python -m benchmarks.extract --encoder toy_conformer --rounds 9 --audio FOLDER

Cases, in seconds of audio per second (x real time), each the median over interleaved rounds:
`decode` (files to windows, with the pipeline's own threads), `encode` (decoded windows to pooled
layers on the host), `whole` (files to finished shards). `floor` is the best the whole could
reach: on a CPU, where decoding and encoding share the cores, 1 / (1/decode + 1/encode); on an
accelerator the slower of the two. `ratio` is whole / floor, as the median over rounds, so that
a machine that is busy for a while slows all three. `cpu_ratio` is the same of core seconds: work
that the whole adds to its parts, without waiting. Compilation, hashing and planning are not in
`whole`; `call` is one call of the stage with all of that in it.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxprobe.audio import decode
from jaxprobe.audio.decode import AudioError
from jaxprobe.audio.loader import Loaded
from jaxprobe.encoders import base
from jaxprobe.features.manifest import Planned
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.stages import extract, fill
from jaxprobe.stages.encode import Encoding, batches
from jaxprobe.stages.fill import Job

MUSIC = Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'music'


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


def spec_of(encoder: base.Encoder, batch_seconds: float) -> StoreSpec:
    """The store of an encoder at its card's own window."""
    card = encoder.card
    return StoreSpec(
        encoder=card.name,
        weights_sha256=encoder.weights_sha256,
        port_version=card.port_version,
        layers=tuple((layer.name, layer.width) for layer in card.layers),
        sample_rate=card.sample_rate,
        window_samples=card.window_samples,
        hop_samples=card.hop_samples or card.window_samples,
        lead_samples=card.lead_samples,
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

    def __init__(self, encoder: base.Encoder, spec: StoreSpec, paths: list[Path], threads: int):
        """Decodes everything once, for the encoder-only case, and compiles."""
        self.spec, self.threads = spec, threads
        seconds = [decode.probe(path).seconds for path in paths]
        self.jobs = [
            Job(0, Planned(f'{i:032d}', s), Clip(p)) for i, (p, s) in enumerate(zip(paths, seconds))
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
        for wave, rows in batches(enumerate(self.loaded), self.spec):
            list(self.encoding.start(wave, rows))
        list(self.encoding.drain())

    def whole(self) -> None:
        """Files to a finished shard."""
        with tempfile.TemporaryDirectory() as store:
            shards = fill.fill(
                Path(store), self.spec, self.encoding, self.jobs, self.threads, lambda seconds: None
            )
            list(shards)


def main() -> None:
    """Times the cases and prints them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--encoder', default='musicnn_msd')
    parser.add_argument('--weights', default='random', help="'' for the published file")
    parser.add_argument('--audio', type=Path, default=MUSIC)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--threads', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--repeat', type=int, default=1, help='times the audio is gone through')
    parser.add_argument('--batch-seconds', type=float, default=48.0)
    args = parser.parse_args()

    made = Path(tempfile.mkdtemp())
    try:
        paths = recordings(args.audio, made)
        encoder = base.load(args.encoder, weights=args.weights)
        spec = spec_of(encoder, args.batch_seconds)
        cases = Cases(encoder, spec, paths * args.repeat, args.threads)
        rounds = [
            [timed(run) for run in (cases.decode, cases.encode, cases.whole)]
            for _ in range(args.rounds)
        ]
        call = timed(
            lambda: extract.extract(
                encoder,
                spec,
                [job.clip for job in cases.jobs],
                made / 'stores',
                threads=args.threads,
            )
        )
        report(args, cases, rounds, call)
    finally:
        shutil.rmtree(made)


def report(args: argparse.Namespace, cases: Cases, rounds: list[list[Spent]], call: Spent) -> None:
    """Prints one line per case."""
    device = jax.local_devices()[0]
    shared_cores = device.platform == 'cpu'
    common = {
        'benchmark': 'extract',
        'encoder': args.encoder,
        'device': device.device_kind,
        'threads': args.threads,
        'batch_windows': cases.spec.batch_windows,
        'audio_seconds': round(cases.seconds, 1),
        'rounds': args.rounds,
    }

    def line(case: str, spent: Iterable[Spent], times: int = 1, **more: object) -> None:
        wall, cpu = (statistics.median(column) * times for column in zip(*spent))
        rates = {'x_real_time': cases.seconds / wall, 'x_core_time': cases.seconds / cpu}
        rates = {name: round(rate, 1) for name, rate in rates.items()}
        print(json.dumps(common | {'case': case} | rates | more))

    floors = [d.wall + e.wall if shared_cores else max(d.wall, e.wall) for d, e, _ in rounds]
    ratios = [floor / whole.wall for floor, (_, _, whole) in zip(floors, rounds)]
    line('decode', (decoding for decoding, _, _ in rounds))
    line('encode', (encoding for _, encoding, _ in rounds))
    line(
        'whole',
        (whole for _, _, whole in rounds),
        floor=round(cases.seconds / statistics.median(floors), 1),
        ratio=round(statistics.median(ratios), 3),
        ratios=[round(ratio, 3) for ratio in ratios],
        cpu_ratio=round(statistics.median((d.cpu + e.cpu) / w.cpu for d, e, w in rounds), 3),
        target=0.9 if shared_cores else 0.85,
    )
    line('call', [call], args.repeat)  # The same audio twice is encoded once.


if __name__ == '__main__':
    main()
