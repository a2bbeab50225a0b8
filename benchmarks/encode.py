"""Encoder-only speed: seconds of audio encoded per second, one JSON line per encoder.

    python -m benchmarks.encode fbank_chroma musicnn_msd --batch 16
    python -m benchmarks.encode muq --weights random --batch 1 --seconds 10 --peer

Weights are the published ones where they are at hand, else `--weights random`: the speed is the
same. Audio is a synthetic noise wave already in memory, and pooling is left out.

Every round times the encoder, then the torch reference where `--peer` asks for it (a process of
its own with the same batch, window, dtype and number of threads), then a plain matrix product at
the same dtype, so that what disturbs the machine disturbs all three. Times are medians over
rounds, ratios the medians of the rounds' ratios. GFLOP/s count the arithmetic that the card states
for the model, not what an algorithm (Winograd) saves of it; at a window other than the card's the
share of attention differs a little.

`peak_mib` is the most memory that this process ever held, weights and compiler included: name one
encoder per command to know its own. `working_mib` is what the compiled program takes beside
weights, input and output.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import encode_torch
from jaxprobe.encoders import base

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / 'benchmarks' / 'encode_torch.py'
REFERENCE = ROOT / '.venv-reference' / 'bin' / 'python'  # `make reference` makes it.
ROUND = 0.3  # Seconds that one timing should last, so that the clock's steps do not show.


class Times(NamedTuple):
    """Of one call: wall seconds, and seconds of processor time.

    On a shared machine only the second says what the work costs, on an accelerator only the
    first.
    """

    wall: float
    processor: float


class Timer:
    """Times a compiled call, as often per timing as fills a round."""

    def __init__(self, run: Callable[[], Any]):
        self.run, self.calls = run, 1
        jax.block_until_ready(run())
        self.calls = max(1, round(ROUND / self().wall))

    def __call__(self) -> Times:
        """One timing: the calls are queued one behind the other, as an extraction queues them."""
        start = time.perf_counter(), time.process_time()
        for _ in range(self.calls - 1):
            self.run()
        jax.block_until_ready(self.run())
        wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
        return Times(wall / self.calls, processor / self.calls)


def matmul(dtype: str, *, cpu: bool) -> tuple[float, Timer]:
    """The yardstick: GFLOP of a product of two square matrices, and what times it.

    In float32 at the highest precision, as encoders ask for it.
    """
    size = 2048 if cpu else 8192 if dtype == 'float32' else 16384
    precision = jax.lax.Precision.HIGHEST if dtype == 'float32' else jax.lax.Precision.DEFAULT
    a = jax.random.normal(jax.random.key(0), (size, size), jnp.dtype(dtype))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision=precision)).lower(a, a).compile()
    return 2e-9 * size**3, Timer(lambda: product(a, a))


class Peer:
    """The torch reference in a process of its own; `missing` says why there is none."""

    def __init__(self, encoder: str, python: str, **asked: Any):
        self.about: dict[str, Any] = {}
        self.process: subprocess.Popen[str] | None = None
        package = encode_torch.package(encoder)
        python = python or (str(REFERENCE) if package == 'muq' else sys.executable)
        if not package:
            self.missing = f'no torch reference of {encoder} is timed here'
        elif not Path(python).exists():
            self.missing = f'{python} is absent: `make reference` makes it, or name --peer-python'
        else:
            self.process = subprocess.Popen(
                [python, str(WORKER), json.dumps(asked | {'encoder': encoder})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.about = self._read()
            self.missing = self.about.get('missing', '')

    def timed(self) -> dict[str, Any]:
        """One timing: wall, processor, peak_mib; nothing where there is no reference."""
        if self.missing or self.process is None:
            return {}
        stdin = cast(IO[str], self.process.stdin)
        stdin.write('go\n')
        stdin.flush()
        read = self._read()
        self.missing = read.get('missing', '')
        return {} if self.missing else read

    def close(self) -> None:
        """Ends the process by closing what it reads."""
        if self.process is not None:
            cast(IO[str], self.process.stdin).close()
            self.process.wait()
            cast(IO[str], self.process.stdout).close()

    def _read(self) -> dict[str, Any]:
        process = cast(subprocess.Popen[str], self.process)
        line = cast(IO[str], process.stdout).readline()
        return json.loads(line) if line else {'missing': f'it ended with {process.wait()}'}


def measure(encoder: base.Encoder, asked: argparse.Namespace) -> dict[str, Any]:
    """The line of one encoder, its name and settings apart."""
    card, cpu = encoder.card, jax.devices()[0].platform == 'cpu'
    window = int(asked.seconds * card.sample_rate) or card.window_samples
    hop = window if asked.seconds else card.hop_samples or window
    audio = asked.batch * hop / card.sample_rate
    samples = card.lead_samples + window
    wave = np.random.RandomState(0).standard_normal((asked.batch, samples))
    wave = jnp.asarray(0.1 * wave, jnp.float32)
    program = jax.jit(encoder.encode).lower(encoder.params, wave).compile()
    ours = Timer(lambda: program(encoder.params, wave))
    gflop, plain = matmul(asked.dtype, cpu=cpu)
    rounds = []
    if asked.peer:
        peer = Peer(
            asked.name, asked.peer_python, batch=asked.batch, samples=samples, dtype=asked.dtype,
            threads=len(os.sched_getaffinity(0)), calls=ours.calls,
        )  # fmt: skip
    else:
        peer = None
    for _ in range(asked.repeats):
        theirs = peer.timed() if peer else {}
        rounds.append((ours(), theirs, gflop / plain().wall))
    wall, processor = np.median([times for times, _, _ in rounds], axis=0)
    reached = [audio * card.gflop_per_second / times.wall for times, _, _ in rounds]
    rates = [rate for _, _, rate in rounds]
    memory = program.memory_analysis()
    line = {
        'x_real_time': round(audio / wall, 1),
        'seconds_per_batch': round(wall, 4),
        'processor_seconds_per_second': round(processor / audio, 5),
        'gflop_per_second': round(float(np.median(reached)), 1),
        'matmul_gflop_per_second': round(float(np.median(rates)), 1),
        'of_matmul': round(float(np.median(np.divide(reached, rates))), 3),
        'window_samples': window,
        'peak_mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        'working_mib': memory.temp_size_in_bytes // 2**20 if memory else None,
    }
    if peer:
        line['peer'] = compared(rounds, audio, peer)
        peer.close()
    return line


def compared(
    rounds: list[tuple[Times, dict[str, Any], float]], audio: float, peer: Peer
) -> dict[str, Any] | str:
    """What the reference took, and how many times as long as ours; a reason where there is none."""
    if peer.missing:
        return f'none: {peer.missing}'
    walls = [theirs['wall'] for _, theirs, _ in rounds]
    processors = [theirs['processor'] for _, theirs, _ in rounds]
    ours = np.array([times for times, _, _ in rounds])
    return peer.about | {
        'x_real_time': round(audio / float(np.median(walls)), 1),
        'processor_seconds_per_second': round(float(np.median(processors)) / audio, 5),
        'times_ours': round(float(np.median(np.divide(walls, ours[:, 0]))), 3),
        'processor_times_ours': round(float(np.median(np.divide(processors, ours[:, 1]))), 3),
        'peak_mib': rounds[-1][1]['peak_mib'],
    }


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per encoder named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('names', nargs='+')
    parser.add_argument('--batch', type=int, default=16, help='windows per call')
    parser.add_argument('--seconds', type=float, default=0.0, help="0: the card's window")
    parser.add_argument('--repeats', type=int, default=5, help='rounds')
    parser.add_argument('--weights', default='')
    parser.add_argument('--arch', default='')
    parser.add_argument('--dtype', default='float32')
    parser.add_argument('--peer', action='store_true', help='time the torch reference beside it')
    parser.add_argument('--peer-python', default='', help='the interpreter that has it')
    asked = parser.parse_args(arguments)
    for name in asked.names:
        encoder = base.load(name, weights=asked.weights, arch=asked.arch, dtype=asked.dtype)
        asked.name = name
        line = {'encoder': name} | measure(encoder, asked)
        line |= {
            'batch': asked.batch,
            'dtype': asked.dtype,
            'weights': asked.weights or 'published',
            'device': jax.devices()[0].device_kind,
            'cores': len(os.sched_getaffinity(0)),
        }
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
