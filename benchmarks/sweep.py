"""The layer x rate sweep: one bank beside a plain loop of torch trainings, in the same run.

    python -m benchmarks.sweep [--repeats=9] [--layers=13] [--batch=64] [--hidden=512]
        [--outputs=10] [--case=train] [--shapes] [--tf32]

13 layers x 6 learning rates, head 1024-512-10, 64 items a step, dropout on, 6 steps an epoch.
`--hidden=` makes the heads linear; `--tf32` (GPUs) trains both sides so; `--shapes` runs a table of
other shapes, whole epochs only.
Prints one JSON line per case:

- `train`: the 6 steps alone (the bank scores one validation item, as it cannot do without).
- `epoch`: also scores 197 validation items, steps the schedule and keeps the best weights, on
  both sides: what an epoch of a real run costs.

Both sides run in turns, epoch by epoch, so that a busy machine slows both; medians are quoted. On a
machine with other work torch suffers far more than we do (its threads wait for each other many
times a step), so trust no ratio printed with `load` above the number of cores.
torch uses its default number of threads. The floor is written down before anything is timed: the
bytes and the multiply-adds that no layout can avoid, at rates measured here.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import bare

bare.without_jaxtyping()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from jaxprobe.probes import bank  # noqa: E402

WIDTH, STEPS, VALID = 1024, 6, 197
RATES = (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)


class Shape(NamedTuple):
    """A sweep: layers x `RATES` cells with the same head."""

    layers: int = 13
    batch: int = 64
    hidden: tuple[int, ...] = (512,)
    outputs: int = 10

    @property
    def cells(self) -> int:
        return self.layers * len(RATES)

    @property
    def widths(self) -> tuple[int, ...]:
        return (WIDTH, *self.hidden, self.outputs)


# Besides MARBLE's: few and many outputs, 25 layers, linear heads, small and large batches.
SHAPES = (
    Shape(),
    Shape(outputs=2),
    Shape(outputs=180),
    Shape(layers=25),
    Shape(hidden=()),
    Shape(hidden=(), outputs=180),
    Shape(batch=16),
    Shape(batch=256),
    Shape(batch=1024),
)


def median_seconds(function: Callable[[], Any], repeats: int = 9) -> float:
    """The median time of a call that has run once before."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def floor(shape: Shape) -> dict[str, float]:
    """Seconds below which no layout can go on this machine, and what they are made of.

    Multiply-adds: forward and weight gradient of the first layer, forward and both gradients of
    the others. Bytes: the weights are read forward; the gradient is written; Adam reads gradient,
    weights and two moments and writes three of them.
    """
    first, *others = (a * b for a, b in itertools.pairwise(shape.widths))
    flop = 2 * shape.batch * (2 * first + 3 * sum(others)) * shape.cells * STEPS
    moved = 4 * (first + sum(others) + sum(shape.widths[1:])) * 9 * shape.cells * STEPS
    side = 2048 if jax.default_backend() == 'cpu' else 8192
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=jax.lax.Precision.HIGHEST))
    square = jnp.ones((side, side))
    flop_rate = 2 * side**3 / median_seconds(lambda: product(square).block_until_ready())
    # On a CPU, of what two cells of MARBLE's head hold: a block's state stays in the cache.
    byte_rate = _byte_rate(first * shape.cells if jax.default_backend() != 'cpu' else 2 << 20)
    return {
        'gflop_per_epoch': round(flop / 1e9, 1),
        'gflop_per_s': round(flop_rate / 1e9, 1),
        'gbyte_per_epoch': round(moved / 1e9, 2),
        'gbyte_per_s': round(byte_rate / 1e9, 1),
        's_per_epoch': round(flop / flop_rate + moved / byte_rate, 4),
    }


def _byte_rate(size: int) -> float:
    """Bytes per second of a += b."""
    add = jax.jit(lambda a, b: a + b, donate_argnums=0)
    state, other = [jnp.ones(size)], jnp.ones(size)

    def run() -> None:
        state[0] = add(state[0], other).block_until_ready()

    return 12 * size / median_seconds(run, 31)


def data_split(n: int, layers: int, seed: int, outputs: int = 10) -> bank.Split:
    """Random rows: the time of a step does not depend on what they say."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n, layers, WIDTH), np.float32)
    return bank.Split({WIDTH: rows}, np.arange(n), np.ones(n, int), random.integers(0, outputs, n))


class TorchSweep:
    """The same probes, trained one after the other."""

    def __init__(self, train: bank.Split, valid: bank.Split, shape: Shape, whole: bool):
        self.device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.shape, self.whole = shape, whole
        self.x, self.y = self._put(train)
        self.x_valid, self.y_valid = self._put(valid)
        self.probes = [self._probe(layer, rate) for layer in range(shape.layers) for rate in RATES]

    def _put(self, split: bank.Split):
        assert isinstance(split.groups, dict)
        x = torch.from_numpy(np.ascontiguousarray(split.groups[WIDTH].transpose(1, 0, 2)))
        return x.to(self.device), torch.from_numpy(split.targets).to(self.device)

    def _probe(self, layer: int, rate: float):
        parts = []
        for a, b in itertools.pairwise(self.shape.widths):
            parts += [torch.nn.Linear(a, b), torch.nn.ReLU(), torch.nn.Dropout(0.2)]
        net = torch.nn.Sequential(*parts[:-2]).to(self.device)  # Nothing after the last layer.
        adam = torch.optim.Adam(net.parameters(), lr=rate)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(adam, mode='max', factor=0.5)
        return {'net': net, 'adam': adam, 'plateau': plateau, 'layer': layer, 'best': -1.0}

    def epoch(self) -> None:
        """One epoch of every probe."""
        for probe in self.probes:
            self._train(probe)
            if self.whole:
                self._judge(probe)
        if self.device == 'cuda':
            torch.cuda.synchronize()

    def _train(self, probe: dict[str, Any]) -> None:
        net, adam, layer = probe['net'], probe['adam'], probe['layer']
        net.train()
        order = torch.randperm(len(self.y), device=self.device)
        for step in range(STEPS):
            rows = order[step * self.shape.batch : (step + 1) * self.shape.batch]
            loss = torch.nn.functional.cross_entropy(net(self.x[layer, rows]), self.y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()

    def _judge(self, probe: dict[str, Any]) -> None:
        net = probe['net'].eval()
        with torch.no_grad():
            right = net(self.x_valid[probe['layer']]).argmax(-1) == self.y_valid
        accuracy = float(right.float().mean())
        probe['plateau'].step(accuracy)
        if accuracy > probe['best']:
            probe['best'] = accuracy
            probe['kept'] = {k: v.clone() for k, v in net.state_dict().items()}


def compare(case: str, shape: Shape, repeats: int, tf32: bool = False) -> dict[str, Any]:
    """Times both sides in turns: torch trains an epoch after every epoch of the bank."""
    lowest = floor(shape)
    train = data_split(shape.batch * STEPS, shape.layers, 0, shape.outputs)
    valid = data_split(VALID if case == 'epoch' else 1, shape.layers, 1, shape.outputs)
    sweep = TorchSweep(train, valid, shape, case == 'epoch')
    sweep.epoch()
    ours, theirs = [], []
    began = 0.0

    def after_epoch(_: bank.Progress) -> None:
        nonlocal began
        ours.append(time.perf_counter() - began)
        start = time.perf_counter()
        sweep.epoch()
        theirs.append(time.perf_counter() - start)
        began = time.perf_counter()

    spec = bank.BankSpec(
        task='sweep',
        kind='multiclass',
        outputs=shape.outputs,
        hidden=shape.hidden,
        tf32=tf32,
        sources=tuple(bank.Source(str(k), (k,)) for k in range(shape.layers)),
        learning_rates=RATES,
        seeds=1,
        root_seed=0,
        monitor='accuracy',
        batch_items=shape.batch,
        epochs=repeats + 2,
        stop_patience=repeats + 2,
    )
    began = time.perf_counter()
    bank.train(spec, (WIDTH,) * shape.layers, train, valid, valid, progress=after_epoch)
    # The first epoch compiles, the second warms up.
    mine, yours = statistics.median(ours[2:]), statistics.median(theirs[2:])
    return {
        'case': case,
        'products': 'tf32' if tf32 else 'float32',
        'ours_s_per_epoch': round(mine, 4),
        'torch_s_per_epoch': round(yours, 4),
        'ratio': round(yours / mine, 2),
        'shape': {
            'cells': shape.cells,
            'layers': shape.layers,
            'rates': len(RATES),
            'head': shape.widths,
            'batch': shape.batch,
            'steps': STEPS,
            'valid_items': len(valid.targets),
        },
        'device': f'{jax.local_devices()[0].device_kind}, {os.cpu_count()} cores',
        'floor': lowest,
        'torch': {'device': sweep.device, 'threads': torch.get_num_threads()},
        'repeats': repeats,
        'load': round(os.getloadavg()[0], 2),
        'first_epoch_s': round(ours[0], 2),
    }


def main() -> None:
    """Prints one JSON line per case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--layers', type=int, default=13)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--hidden', default='512')
    parser.add_argument('--outputs', type=int, default=10)
    parser.add_argument('--shapes', action='store_true')
    parser.add_argument('--case', choices=('train', 'epoch'), action='append')
    parser.add_argument('--tf32', action='store_true')
    given = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = given.tf32
    hidden = tuple(int(width) for width in given.hidden.split(',') if width)
    shape = Shape(given.layers, given.batch, hidden, given.outputs)
    runs = [(case, shape) for case in given.case or ('train', 'epoch')]
    if given.shapes:
        runs = [('epoch', shape) for shape in SHAPES]
    for case, shape in runs:
        print(json.dumps(compare(case, shape, given.repeats, given.tf32)), flush=True)


if __name__ == '__main__':
    main()
