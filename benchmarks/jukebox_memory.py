"""How much host memory reading Jukebox's 10 GB file takes, as one JSON line.

    python -m benchmarks.jukebox_memory                 # The published width, 4800: 5.2 GB held.
    python -m benchmarks.jukebox_memory --width 1536

Writes both files in torch's legacy format with the published names, shapes (at that width) and
precisions, all zeros and sparse on disk, and loads them in a process of its own. On a CPU the
weights themselves are host memory; `beside_gb` is what the conversion took on top of them and of
the imported program.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, cast

SMALLEST_HOLE = 1 << 16  # Bytes.


class Sparse(io.RawIOBase):
    """A file in which long runs of zeros take no room."""

    def __init__(self, file: IO[bytes]):
        self._file, self.size = file, 0

    def write(self, data) -> int:
        """Writes, or skips what is long and zero at its ends (all tensors here are zero)."""
        view = memoryview(data).cast('B')
        if len(view) > SMALLEST_HOLE and not any(view[:64]) and not any(view[-64:]):
            self._file.seek(len(view), io.SEEK_CUR)
        else:
            self._file.write(view)
        self.size += len(view)
        return len(view)

    def flush(self) -> None:
        """Hands on to the file."""
        self._file.flush()


def write(folder: Path, width: int) -> None:
    """Writes vqvae.pth.tar and prior_level_2.pth.tar, 72 layers of so many channels."""
    import torch

    from jaxprobe.encoders.jukebox import card, vqvae, weights
    from jaxprobe.encoders.jukebox.architecture import Architecture

    a = Architecture(prior_width=width)
    prior = {'prior.x_out.weight': torch.zeros(a.bins, width)}
    for name, shape in weights.prior_tensors(a, a.file_depth).items():
        half = name.endswith('.w')
        prior[name] = torch.zeros(shape, dtype=torch.float16 if half else torch.float32)
    encoder = {}
    for ours, (theirs, transform) in weights.vqvae_map(a).items():
        shape = vqvae.shapes(a)[ours]
        encoder[theirs] = torch.zeros(shape[::-1] if transform else shape)
    for ref, tensors in ((card.PRIOR, prior), (card.VQVAE, encoder)):
        with open(folder / ref.filename, 'wb') as file:
            sparse = Sparse(file)
            torch.save(
                {'model': tensors}, cast('IO[bytes]', sparse), _use_new_zipfile_serialization=False
            )
            file.truncate(sparse.size)


def _status(key: str) -> float:
    """A line of /proc/self/status, in GB."""
    line = Path('/proc/self/status').read_text().split(f'{key}:')[1]
    return int(line.split()[0]) * 1024 / 1e9


def load(folder: Path, width: int) -> dict[str, float]:
    """Loads the files in this process and says what it took."""
    import jax.numpy as jnp

    from jaxprobe.encoders.jukebox import card, weights
    from jaxprobe.encoders.jukebox.architecture import Architecture

    jnp.zeros(1).block_until_ready()
    before, started = _status('VmRSS'), time.perf_counter()
    params, _ = weights.load(Architecture(prior_width=width), weights.find(str(folder)))
    seconds = time.perf_counter() - started
    held = sum(leaf.nbytes for leaf in params.values()) / 1e9
    peak = _status('VmHWM')
    return {
        'width': width,
        'file_gb': (folder / card.PRIOR.filename).stat().st_size / 1e9,
        'held_gb': held,
        'peak_gb': peak,
        'beside_gb': peak - before - held,
        'seconds': seconds,
    }


def measured(width: int) -> dict[str, float]:
    """Writes, loads in a process of its own, removes."""
    with tempfile.TemporaryDirectory(prefix='jukebox-') as folder:
        write(Path(folder), width)
        program = [sys.executable, '-m', 'benchmarks.jukebox_memory', '--width', str(width)]
        done = subprocess.run(
            [*program, '--load', folder],
            cwd=Path(__file__).resolve().parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    """Prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else '')
    parser.add_argument('--width', type=int, default=4800)
    parser.add_argument('--load', type=Path, help='load this folder here and now')
    asked = parser.parse_args()
    found = load(asked.load, asked.width) if asked.load else measured(asked.width)
    print(json.dumps({name: float(f'{value:.4g}') for name, value in found.items()}))


if __name__ == '__main__':
    main()
