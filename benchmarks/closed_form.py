"""Ridge and LDA for every layer and penalty beside scikit-learn, one JSON line.

    python -m benchmarks.closed_form
    python -m benchmarks.closed_form --layers 4 --width 256 --rows 4000

`seconds` is `closed_form.solve`, everything in it: moments of the training rows, a system
per layer and penalty, scores of all items of two splits at every penalty of ridge and every
shrinkage of LDA. scikit-learn fits and scores one (layer, penalty) at a time on the same rows, in
the same process, in their float32 and (as ours computes) in float64; `--sample` of them are timed
and the mean is multiplied by their number. `furthest` is the largest difference between ours and
scikit-learn's float64 scores, over the largest score, among those timed. On a machine that others
use, compare processor seconds.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from jaxprobe.probes import closed_form
from jaxprobe.probes.spec import Source, Split


def made(
    random: np.random.RandomState, args: argparse.Namespace, n: int, lift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns [n layers width] with classes in them."""
    classes = random.randint(0, args.classes, n)
    data = np.empty((n, args.layers, args.width), np.float32)
    for layer in range(args.layers):
        hidden = random.standard_normal((n, args.width)).astype(np.float32)
        hidden[np.arange(n), classes] += 0.5 + 0.1 * layer
        data[:, layer] = hidden @ lift
    return data, classes


def split(data: np.ndarray, classes: np.ndarray) -> Split:
    """One window per item."""
    n = len(data)
    return Split({data.shape[2]: data}, np.arange(n), np.ones(n, int), classes)


def timed(run: Callable[[], Any]) -> tuple[np.ndarray, Any]:
    """Wall and processor seconds, and what came of it."""
    began = np.array([time.perf_counter(), time.process_time()])
    found = run()
    return np.array([time.perf_counter(), time.process_time()]) - began, found


def fitted(model: Any, parts: Sequence[np.ndarray], targets: np.ndarray) -> Any:
    """Fits a model of scikit-learn and scores; returns the last part's scores."""
    model.fit(parts[0], targets)
    return [model.decision_function(part) for part in parts[1:]][-1]


def reference(
    args: argparse.Namespace,
    arrays: Sequence[np.ndarray],
    targets: np.ndarray,
    solved: closed_form.Solved,
) -> dict[str, Any]:
    """Times scikit-learn on some (layer, penalty) and compares its scores."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import RidgeClassifier

    random = np.random.RandomState(1)
    spent: dict[str, list[np.ndarray]] = {'ridge_float32': [], 'ridge_float64': [], 'lda': []}
    furthest = 0.0
    for _ in range(args.sample):
        layer, p = random.randint(args.layers), random.randint(len(closed_form.PENALTIES))
        shrinkage = closed_form.SHRINKAGES[random.randint(len(closed_form.SHRINKAGES))]
        ridge = RidgeClassifier(alpha=closed_form.PENALTIES[p] * solved.scale[layer])
        lda = LinearDiscriminantAnalysis('lsqr', shrinkage=shrinkage)
        single = [array[:, layer].copy() for array in arrays]
        double = [part.astype(np.float64) for part in single]
        spent['ridge_float32'].append(timed(partial(fitted, ridge, single, targets))[0])
        seconds, scores = timed(partial(fitted, ridge, double, targets))
        spent['ridge_float64'].append(seconds)
        spent['lda'].append(timed(partial(fitted, lda, double, targets))[0])
        far = np.abs(solved.test[layer, p] - scores).max() / np.abs(scores).max()
        furthest = max(furthest, float(far))
    line: dict[str, Any] = {'sklearn_timed': args.sample, 'furthest': float(f'{furthest:.2g}')}
    for name, seconds in spent.items():
        values = closed_form.SHRINKAGES if name == 'lda' else closed_form.PENALTIES
        fits = args.layers * len(values)
        wall, cpu = fits * np.mean(seconds, axis=0)
        line |= {
            f'sklearn_{name}_fits': fits,
            f'sklearn_{name}_seconds': round(float(wall), 1),
            f'sklearn_{name}_cpu_seconds': round(float(cpu), 1),
        }
    return line


def main() -> None:
    """Runs both and prints the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--layers', type=int, default=13)
    parser.add_argument('--width', type=int, default=1024)
    parser.add_argument('--rows', type=int, default=20_000)
    parser.add_argument('--scored', type=int, default=2000, help='items of each other split')
    parser.add_argument('--classes', type=int, default=10)
    parser.add_argument('--sample', type=int, default=3)
    args = parser.parse_args()
    random = np.random.RandomState(0)
    lift = random.standard_normal((args.width, args.width)).astype(np.float32) / args.width**0.5
    parts = [made(random, args, n, lift) for n in (args.rows, args.scored, args.scored)]
    splits = (split(*parts[0]), split(*parts[1]), split(*parts[2]))
    sources = [Source(str(layer), (layer,)) for layer in range(args.layers)]
    widths = (args.width,) * args.layers
    (wall, cpu), found = timed(
        lambda: closed_form.solve('multiclass', args.classes, splits, sources, widths)
    )
    line: dict[str, Any] = {
        'benchmark': 'closed_form',
        'shape': [args.rows, args.layers, args.width],
        'classes': args.classes,
        'penalties': len(closed_form.PENALTIES),
        'shrinkages': len(closed_form.SHRINKAGES),
        'cpus': os.cpu_count(),
        'seconds': round(float(wall), 2),
        'cpu_seconds': round(float(cpu), 2),
    }
    line |= reference(args, [data for data, _ in parts], parts[0][1], found['ridge'])
    for what, own in (('seconds', wall), ('cpu_seconds', cpu)):
        theirs = line[f'sklearn_ridge_float64_{what}'] + line[f'sklearn_lda_{what}']
        line[f'times_fewer_{what}'] = round(theirs / float(own), 1)
    print(json.dumps(line))


if __name__ == '__main__':
    main()
