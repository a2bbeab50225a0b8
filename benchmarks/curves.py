"""What a bank costs as it grows: time and memory against cells, layers, items, seeds, devices.

    python -m benchmarks.curves [--axes=cells,items] [--plot=docs/cost_curves.svg]

Around a base of 4 layers x 6 rates, 512 items, one seed and one device (head 1024-512-10, batch 64)
one axis grows at a time; `cells` adds rates to the layers that are there, `layers` adds layers with
all their rates. Every point trains a few epochs in a process of its own and prints one JSON line:

- `epoch_s`: an epoch with its validation, the median of those after the first; `core_s`: its
  processor time.
- `gb`: what was held at most; `grown_gb`: beside what the process holds before it trains (on a
  CPU; on an accelerator device memory, of which nothing is held before).

Then a line per axis with the exponents of time, processor time and memory: the slope of a straight
line through the logarithms, over all points. 1 is linear, less is better than linear (what every
epoch costs at least), more is worse. Devices are the machine's own; on a CPU, which is one, its
cores are shared by as many as are asked for (XLA_FLAGS), so that time can at best stay level.
"""

import argparse
import inspect
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

AXES = {
    'cells': (12, 24, 48, 96, 192),
    'layers': (2, 4, 8, 16),
    'items': (256, 512, 1024, 2048, 4096),
    'seeds': (1, 2, 4, 8),
    'devices': (1, 2, 4, 8),
}
_FORCED = '--xla_force_host_platform_device_count='
_VALID = 197  # Items; in proportion where items grow.


class Point(NamedTuple):
    """A bank's size."""

    layers: int = 4
    rates: int = 6
    items: int = 512
    seeds: int = 1
    devices: int = 1
    width: int = 1024

    @property
    def cells(self) -> int:
        """How many probes there are."""
        return self.layers * self.rates * self.seeds


def points(axis: str, sizes: Sequence[int], base: Point) -> list[Point]:
    """The bank at every size of an axis."""
    if axis == 'cells':
        return [base._replace(rates=max(1, n // base.layers)) for n in sizes]
    return [base._replace(**{axis: n}) for n in sizes]


def measure(point: Point, epochs: int) -> dict[str, Any]:
    """Trains a bank of this size, in this process."""
    from benchmarks import bare

    bare.without_jaxtyping()
    import jax
    import numpy as np

    from benchmarks import gauges
    from jaxprobe.probes import bank

    on_cpu = jax.default_backend() == 'cpu'
    epochs = epochs or (5 if on_cpu else 31)  # An accelerator says nothing for several.

    def split(items: int, seed: int) -> bank.Split:
        random = np.random.default_rng(seed)
        rows = random.standard_normal((items, point.layers, point.width), np.float32)
        targets = random.integers(0, 10, items)
        return bank.Split({point.width: rows}, np.arange(items), np.ones(items, int), targets)

    spec = bank.BankSpec(
        task='curves',
        kind='multiclass',
        outputs=10,
        sources=tuple(bank.Source(str(k), (k,)) for k in range(point.layers)),
        learning_rates=tuple(np.geomspace(5e-5, 1e-2, point.rates).tolist()),
        seeds=point.seeds,
        root_seed=0,
        monitor='accuracy',
        epochs=epochs + 1,
        stop_patience=epochs + 1,
    )
    given: dict[str, Any] = {}
    if point.devices > 1:
        if not takes_devices():
            raise SystemExit('bank.train takes no devices')
        given['devices'] = jax.local_devices()[: point.devices]
    before = gauges.peak_bytes() if on_cpu else 0
    marks: list[tuple[int, float, float]] = []
    valid = max(1, _VALID * point.items // 512)
    bank.train(
        spec,
        (point.width,) * point.layers,
        split(point.items, 0),
        split(valid, 1),
        split(valid, 2),
        progress=lambda p: marks.append((p.epoch, time.perf_counter(), time.process_time())),
        **given,
    )
    wall, core = (
        [(after[clock] - one[clock]) / (after[0] - one[0]) for one, after in pairwise(marks)]
        for clock in (1, 2)
    )
    held = gauges.peak_bytes()
    return {
        **point._asdict(),
        'cells': point.cells,
        'epoch_s': float(f'{statistics.median(wall):.3g}'),
        'core_s': float(f'{statistics.median(core):.3g}'),
        'gb': round(held / 1e9, 3),
        'grown_gb': round((held - before) / 1e9, 3),
        'device': gauges.device(),
        'load': round(os.getloadavg()[0], 1),
    }


def takes_devices() -> bool:
    """Whether this bank can be spread over devices."""
    from jaxprobe.probes import bank

    return 'devices' in inspect.signature(bank.train).parameters


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The slope of the straight line through the logarithms; None where there is no growth.

    >>> exponent([1, 2, 4], [3, 6, 12]), exponent([1, 2, 4], [5, 5, 5])
    (1.0, 0.0)
    """
    if len(sizes) < 2 or min(values) <= 0:
        return None
    x, y = [math.log(n) for n in sizes], [math.log(v) for v in values]
    middle = statistics.fmean(x)
    slope = sum((a - middle) * b for a, b in zip(x, y, strict=True))
    return round(slope / sum((a - middle) ** 2 for a in x), 2)


def fitted(axis: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The exponents of an axis."""
    sizes = [line[axis] for line in lines]
    names = {'epoch_s': 'time', 'core_s': 'processor', 'grown_gb': 'memory'}
    return {
        'axis': axis,
        'sizes': sizes,
        **{f'exponent_{n}': exponent(sizes, [one[k] for one in lines]) for k, n in names.items()},
    }


def in_child(point: Point, epochs: int) -> dict[str, Any]:
    """Measures in a fresh process, with as many devices as the point asks for."""
    flags = os.environ.get('XLA_FLAGS', '')
    environment = dict(os.environ)
    if point.devices > 1 and _FORCED not in flags:  # Read by the host's platform alone.
        environment['XLA_FLAGS'] = f'{flags} {_FORCED}{point.devices}'.strip()
    command = [sys.executable, '-m', 'benchmarks.curves', f'--epochs={epochs}']
    asked = [*command, f'--point={json.dumps(point._asdict())}']
    out = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(out.stdout.splitlines()[-1])


def draw(curves: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Time above memory, an axis per column, each beside what linear growth would be."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from jaxprobe.reports import style

    rows = (('epoch_s', 'seconds per epoch'), ('core_s', 'core seconds'), ('grown_gb', 'GB'))
    with style.context():
        figure = style.canvas(2.4 * len(curves), 6.0)
        panels = figure.subplots(len(rows), len(curves), squeeze=False)
        for column, (axis, lines) in enumerate(curves.items()):
            sizes = [line[axis] for line in lines]
            for row, (key, label) in enumerate(rows):
                panel, values = panels[row][column], [line[key] for line in lines]
                colour = style.COLOURS[row]
                linear = [values[0] * n / sizes[0] for n in sizes]
                panel.plot(sizes, linear, color=style.FAINT, linewidth=0.8, linestyle=':')
                panel.plot(sizes, values, color=colour, marker=style.MARKERS[row], markersize=4)
                panel.set_xscale('log', base=2)
                panel.set_yscale('log')
                panel.set_xticks(sizes, [str(n) for n in sizes], rotation=45, fontsize=7)
                panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
                panel.xaxis.set_minor_locator(NullLocator())
                panel.yaxis.set_minor_locator(NullLocator())
                panel.set_title(f'exponent {exponent(sizes, values)}', fontsize=8)
                if not column:
                    panel.set_ylabel(label)
            panels[-1][column].set_xlabel(axis)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(style.svg(figure))


def main() -> None:
    """Prints a JSON line per point and per axis; draws them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--axes', default=','.join(AXES))
    parser.add_argument('--epochs', type=int, default=0, help='after the first; 0: by device')
    parser.add_argument('--plot', type=Path)
    parser.add_argument('--smoke', action='store_true', help='narrow rows, two sizes an axis')
    parser.add_argument('--point', help='one point in this process, as JSON')
    given = parser.parse_args()
    if given.point:
        print(json.dumps(measure(Point(**json.loads(given.point)), given.epochs)), flush=True)
        return
    base = Point(width=16) if given.smoke else Point()
    curves: dict[str, list[dict[str, Any]]] = {}
    known: dict[Point, dict[str, Any]] = {}
    for axis in given.axes.split(','):
        if axis not in AXES:
            raise SystemExit(f'no axis {axis!r}; known: {", ".join(AXES)}')
        if axis == 'devices' and not takes_devices():
            print(json.dumps({'axis': axis, 'skipped': 'bank.train takes no devices'}))
            continue
        sizes = AXES[axis][:2] if given.smoke else AXES[axis]
        start = base._replace(layers=8) if axis == 'devices' and not given.smoke else base
        curves[axis] = []
        for point in points(axis, sizes, start):
            known[point] = known.get(point) or in_child(point, given.epochs)
            curves[axis].append(known[point])
            print(json.dumps({'axis': axis, **known[point]}), flush=True)
        print(json.dumps(fitted(axis, curves[axis])), flush=True)
    if given.plot and curves:
        draw(curves, given.plot)


if __name__ == '__main__':
    main()
