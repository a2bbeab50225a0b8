"""Layer x layer similarity: all pairs at once beside a plain numpy loop over pairs, in one run.

    python -m benchmarks.similarity [--layers=13] [--width=1024] [--rows=20000] [--plain=4]

Rows are a random walk through depth (each layer the last one turned a little, and noise), so that
neighbours resemble each other as layers do. Prints one JSON line: seconds of wall time and of
processor time (all threads) of `jaxprobe.analysis.pairs` for every pair, without and with a noise
floor; and of the loop that does for each pair what the published codes do (joint covariance in
float64, eigenvectors of both sides, a singular value decomposition), timed on `--plain` pairs, half
of them before and half after ours, and scaled to all. `difference` is the largest between the two
of PWCCA, SVCCA and CKA on those pairs. On a machine with other work, trust processor time.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxprobe.analysis import pairs

Layers = list[tuple[str, np.ndarray]]


def depth(layers: int, width: int, rows: int) -> Layers:
    """Layers that drift away from the first one."""
    random = np.random.RandomState(0)
    spread = np.exp(-np.linspace(0, 6, width)).astype(np.float32)
    state = random.standard_normal((rows, width)).astype(np.float32)
    found = []
    for layer in range(layers):
        found.append((f'layer{layer}', state * spread[None] + 1.0))
        turn = random.standard_normal((width, width)).astype(np.float32) / width**0.5
        state = 0.8 * state + 0.4 * state @ turn
        state += 0.3 * random.standard_normal((rows, width)).astype(np.float32)
    return found


def plain(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """PWCCA, SVCCA and CKA of one pair, from its rows."""
    width = x.shape[1]
    joint = np.concatenate([x, y], axis=1, dtype=np.float64)
    joint -= joint.mean(axis=0)[None]
    scatter = joint.T @ joint
    (first, v), (second, w) = (
        np.linalg.eigh(block) for block in (scatter[:width, :width], scatter[width:, width:])
    )
    cross = scatter[:width, width:]
    whitened = (v / np.sqrt(first)[None]).T @ cross @ (w / np.sqrt(second)[None])
    left, found, _ = np.linalg.svd(whitened)
    weights = np.abs((left.T * np.sqrt(first)[None]) @ v.T).sum(axis=1)
    kept = [
        int((np.cumsum(values[::-1]) / values.sum() < 0.99).sum()) + 1 for values in (first, second)
    ]
    leading = np.linalg.svd(whitened[-kept[0] :, -kept[1] :], compute_uv=False)
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    cka = np.linalg.norm(cross) ** 2 / norms
    return float(weights @ found / weights.sum()), float(leading.mean()), float(cka)


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gives, and its seconds of wall and processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    spent = {
        'wall_s': round(time.perf_counter() - wall, 2),
        'cpu_s': round(time.process_time() - processor, 2),
    }
    return found, spent


def added(first: dict[str, float], second: dict[str, float], times: float = 1) -> dict[str, float]:
    """Sums of both clocks, scaled."""
    return {name: round(times * (first[name] + second[name]), 2) for name in first}


def measure(layers: int, width: int, rows: int, chosen: int, shuffles: int) -> dict[str, Any]:
    """Runs both sides; returns what is printed."""
    data = depth(layers, width, rows)
    random = np.random.RandomState(1)
    picked = [tuple(random.randint(0, layers, 2).tolist()) for _ in range(chosen)]

    def loop(part: list[tuple[int, int]]) -> list[tuple[float, float, float]]:
        return [plain(data[i][1], data[j][1]) for i, j in part]

    half = chosen // 2
    before, spent_before = timed(lambda: loop(picked[:half]))
    side, whitening = timed(lambda: pairs.side(data))
    maps, comparing = timed(lambda: pairs.compare(side, side))
    orders = pairs.orders(np.arange(rows), shuffles, random)
    floors = timed(lambda: pairs.compare(side, side, orders))[1] if shuffles else comparing
    after, spent_after = timed(lambda: loop(picked[half:]))
    differences = [
        abs(maps[name].values[i, j] - value)
        for (i, j), values in zip(picked, before + after)
        for name, value in zip(('pwcca', 'svcca', 'cka'), values)
    ]
    ours = added(whitening, comparing)
    loops = added(spent_before, spent_after, layers**2 / chosen)
    return {
        'case': f'{layers} x {layers} layers of {width}, {rows} rows',
        'device': jax.devices()[0].device_kind,
        'ours': ours,
        'whitening': whitening,
        'with_floor': added(whitening, floors) if shuffles else None,
        'shuffles': shuffles,
        'plain_scaled_from': chosen,
        'plain': loops,
        'faster_wall': round(loops['wall_s'] / ours['wall_s'], 1),
        'faster_cpu': round(loops['cpu_s'] / ours['cpu_s'], 1),
        'difference': float(f'{max(differences):.1e}'),
        'load': round(os.getloadavg()[0], 1),
        'cores': os.cpu_count(),
    }


def main() -> None:
    """Parses the arguments and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--layers', type=int, default=13)
    parser.add_argument('--width', type=int, default=1024)
    parser.add_argument('--rows', type=int, default=20_000)
    parser.add_argument('--plain', type=int, default=4, help='pairs the plain loop is timed on')
    parser.add_argument(
        '--shuffles', type=int, default=0, help='also with a noise floor of so many'
    )
    a = parser.parse_args()
    print(json.dumps(measure(a.layers, a.width, a.rows, a.plain, a.shuffles)))


if __name__ == '__main__':
    main()
