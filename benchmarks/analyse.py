"""Seconds of a processor to turn the record of a large bank into its result file.

    python -m benchmarks.analyse [--items=11000] [--tags=50] [--layers=25] [--seeds=1] [--rates=1]

A made-up record of the size of MTG-Jamendo's top 50 tags: 25 layers and their learned sum at one
rate, 11 000 test items in 3 000 groups. Prints one JSON line: the seconds of the whole analysis
(every row's interval, every comparison, all metrics), and of one cell's AP and ROC-AUC.
"""

import argparse
import dataclasses
import json
import os
import time

import numpy as np

from jaxprobe.stages import analyse, resample, results
from tests.stages import planted


def main() -> None:
    """Prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (('items', 11_000), ('tags', 50), ('layers', 25), ('seeds', 1)):
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--rates', type=int, default=1)
    parser.add_argument('--groups', type=int, default=3000)
    parser.add_argument('--resamples', type=int, default=analyse.RESAMPLES)
    given = parser.parse_args()
    record = planted.bank(
        kind='multilabel',
        labels=tuple(f'tag{i}' for i in range(given.tags)),
        layers=given.layers,
        seeds=given.seeds,
        rates=planted.RATES[: given.rates],
        n={'train': 100, 'valid': 500, 'test': given.items},
        groups=given.groups,
    )
    # Tags as rare as there: the time depends on how many items hold one, not on the scores.
    random = np.random.RandomState(0)
    rare = random.uniform(size=record.test_targets.shape) < np.geomspace(0.01, 0.3, given.tags)
    record = dataclasses.replace(record, test_targets=rare.astype(np.float32))
    record = dataclasses.replace(record, scores=results.score_record(record))
    shape = vars(given) | {'cells': len(record.source), 'load': round(os.getloadavg()[0], 1)}
    print(json.dumps(shape | _seconds(record, given.resamples)))


def _seconds(record: results.BankRecord, resamples: int) -> dict[str, float]:
    found, times = {}, {}
    drawn = resample.draw(record, resamples)
    for metric in ('roc_auc', 'ap'):
        times[f'{metric}_s'] = _timed(lambda m=metric: resample.cells(record, m, (0,), drawn))
    times['analyse_s'] = _timed(lambda: found.update(analyse.analyse(record, resamples=resamples)))
    return times


def _timed(work) -> float:
    began = time.process_time()
    work()
    return round(time.process_time() - began, 2)


if __name__ == '__main__':
    main()
