"""How often intervals hold the truth, and how often true nulls are rejected, on simulated data.

    python -m benchmarks.coverage [--replications=2000] [--resamples=500] [--metric=ap] [--groups=9]

Prints one JSON line per setting. Test sets are drawn again and again from a population in which
items of a group resemble each other (a third of the variance of every noise is the group's), with
groups of 8 items or of very unequal sizes (1 plus a geometric number, 8 in the mean). Two probes of
equal worth are scored on each, on seeds of their own.

- `holds`: share of the nominal 95 % intervals that hold the expected score, that is the mean over
  all test sets of this make (and, where `seeds` > 1, over all seeds); `too_high`, `too_low`: the
  share that lie wholly above or below it. The intervals are those of result files: `ci95` where
  there is one seed, `ci95_seeds` where there are several.
- `rejects`: share of replications in which the difference of the two has p < 0.05.
- `percentile_holds`, `percentile_rejects`: the same of the plain percentile bootstrap.
- `groups_alone_hold`: the same of `ci95`, which is not meant to cover other seeds.
- `population`: the score on a test set without end. AP and R2 of few items differ from it by more
  than chance, in every evaluation: no interval of the items at hand mends that.
- `error`: the standard error of a share of 0.95 with so many replications.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from jaxprobe.analysis import bootstrap, weighted
from jaxprobe.stages import resample

METRICS = {
    'accuracy': 'multiclass',
    'weighted_score': 'key',
    'macro_f1': 'multiclass',
    'roc_auc': 'multilabel',
    'ap': 'multilabel',
    'r2': 'regression',
}
KEY_POINTS = np.array([0.0, 0.2, 0.3, 0.5, 1.0])
KEY_STEPS = np.array([-0.9, -0.6, -0.3, 0.0])
TAGS = np.array([0.5, 0.3, 0.2, 0.2, 0.1])  # Prevalence.
CLASSES = np.array([0.4, 0.2, 0.2, 0.1, 0.1])
SHARED, PROBES = 0.5, 0.35  # Of the variance of noise: all probes' alike; a probe's, on all seeds.
SEED_STD = 0.05  # Of the signal, over seeds.


class Setting(NamedTuple):
    """What is simulated."""

    metric: str
    groups: int
    unequal: bool = False
    seeds: int = 1


class Tally(NamedTuple):
    """Of one replication: estimate and intervals of the first probe, p-values of the difference."""

    estimates: tuple[float, float]
    intervals: dict[str, tuple[float, float]]
    rejected: dict[str, bool]


def simulate(setting: Setting, random: np.random.RandomState) -> tuple[list[str], list[Any]]:
    """One test set: its groups, and for both probes what is measured on draws of it.

    Returns:
        The group of every item, and twice a function draws -> [B K].
    """
    sizes = np.full(setting.groups, 8)
    if setting.unequal:
        sizes = 1 + random.geometric(1 / 8, setting.groups)
    member = np.repeat(np.arange(setting.groups), sizes)

    def noise(*shape: int) -> np.ndarray:
        own = random.normal(size=(len(member), *shape))
        return np.sqrt(1 / 3) * random.normal(size=(setting.groups, *shape))[member] + (
            np.sqrt(2 / 3) * own
        )

    measured = _MAKE[setting.metric](noise)
    probes = []
    for _ in range(2):
        lucks = SEED_STD * random.normal(size=setting.seeds) * (setting.seeds > 1)
        probes.append(measured(lucks))
    return [f'g{m}' for m in member], probes


def _noisy(noise: Callable, *shape: int) -> Callable[[], Callable[[], np.ndarray]]:
    """Noise in three parts: what all probes share, what seeds of a probe share, a seed's own."""
    parts = [np.sqrt(share) for share in (SHARED, PROBES, 1 - SHARED - PROBES)]
    everyone = parts[0] * noise(*shape)

    def probe() -> Callable[[], np.ndarray]:
        mine = everyone + parts[1] * noise(*shape)
        return lambda: mine + parts[2] * noise(*shape)

    return probe


def _accuracy(noise: Callable) -> Callable:
    score = lambda luck, heard: (0.8 + luck + heard > 0).astype(np.float64)  # noqa: E731
    return _means(score, _noisy(noise))


def _weighted_score(noise: Callable) -> Callable:
    score = lambda luck, heard: KEY_POINTS[np.searchsorted(KEY_STEPS, luck + heard)]  # noqa: E731
    return _means(score, _noisy(noise))


def _macro_f1(noise: Callable) -> Callable:
    truth = np.searchsorted(ndtri(np.cumsum(CLASSES)[:-1]), noise())
    logits = 1.5 * np.eye(len(CLASSES))[truth]
    return _metrics(weighted.macro_f1, truth, logits, _noisy(noise, len(CLASSES)))


def _tagged(metric: Callable) -> Callable:
    def make(noise: Callable) -> Callable:
        truth = (noise(len(TAGS)) > ndtri(1 - TAGS)).astype(np.float64)
        return _metrics(metric, truth, 1.2 * truth, _noisy(noise, len(TAGS)))

    return make


def _r2(noise: Callable) -> Callable:
    truth = noise(2)
    return _metrics(weighted.r2, truth, truth, _noisy(noise, 2), 0.7)


def _means(score: Callable, probe: Callable) -> Callable:
    def measure(lucks: np.ndarray) -> Callable:
        seed = probe()
        columns = np.stack([score(luck, seed()) for luck in lucks], axis=1)
        return lambda drawn: bootstrap.means(columns, drawn)

    return measure


def _metrics(
    metric: Callable, truth: np.ndarray, logits: np.ndarray, probe: Callable, noise: float = 1.0
) -> Callable:
    def measure(lucks: np.ndarray) -> Callable:
        seed = probe()
        twins = [metric(truth, (1 + luck) * logits + noise * seed()) for luck in lucks]
        return lambda drawn: np.stack([bootstrap.scores(one, drawn) for one in twins], axis=1)

    return measure


_MAKE = {
    'accuracy': _accuracy,
    'weighted_score': _weighted_score,
    'macro_f1': _macro_f1,
    'roc_auc': _tagged(weighted.roc_auc),
    'ap': _tagged(weighted.ap),
    'r2': _r2,
}


def replicate(setting: Setting, resamples: int, random: np.random.RandomState) -> Tally:
    """Draws a test set, and asks what a result file would say of it."""
    groups, probes = simulate(setting, random)
    drawn = bootstrap.draw(groups, resamples, random)
    one, other = (probe(drawn) for probe in probes)
    scale = resample.scale(METRICS[setting.metric], setting.metric)
    widest = bootstrap.spread(one, drawn, seeds=True)
    alone = bootstrap.spread(one, drawn)
    found = resample.difference(one, other, drawn)
    if widest is None or alone is None:
        raise ValueError(f'{setting}: a test set leaves the metric undefined')
    gap = _percentiles((one - other).mean(axis=1))
    return Tally(
        (widest.value, float(other[0].mean())),
        {
            '': bootstrap.interval(widest, scale),
            'groups': bootstrap.interval(alone, scale),
            'percentile': _percentiles(one.mean(axis=1)),
        },
        {'': found['p'] < 0.05, 'percentile': not gap[0] <= 0 <= gap[1]},
    )


def _percentiles(samples: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(samples[1:], [0.025, 0.975])
    return float(low), float(high)


def measure(setting: Setting, replications: int, resamples: int) -> dict[str, Any]:
    """Everything that is printed of one setting."""
    random = np.random.RandomState(1)
    tallies = [replicate(setting, resamples, random) for _ in range(replications)]
    expected = float(np.mean([tally.estimates for tally in tallies]))

    def share(name: str, side: str = 'holds') -> float:
        low, high = np.array([tally.intervals[name] for tally in tallies]).T
        outside = {'too_high': low > expected, 'too_low': high < expected}
        outside['holds'] = ~(outside['too_high'] | outside['too_low'])
        return round(float(outside[side].mean()), 4)

    def rejects(name: str) -> float:
        return round(float(np.mean([tally.rejected[name] for tally in tallies])), 4)

    found = setting._asdict() | {
        'holds': share(''),
        'too_high': share('', 'too_high'),
        'too_low': share('', 'too_low'),
        'rejects': rejects(''),
        'percentile_holds': share('percentile'),
        'percentile_rejects': rejects('percentile'),
        'expected': round(expected, 4),
    }
    if setting.seeds > 1:
        found['groups_alone_hold'] = share('groups')
    return found | {
        'replications': replications,
        'resamples': resamples,
        'error': round((0.95 * 0.05 / replications) ** 0.5, 4),
    }


def population(metric: str) -> float:
    """The score on a very large test set."""
    random = np.random.RandomState(2)
    groups, probes = simulate(Setting(metric, 20_000), random)
    drawn = bootstrap.draw(groups, 0, random)
    return round(float(np.mean([probe(drawn)[0] for probe in probes])), 4)


def settings(metrics: list[str], groups: list[int]) -> list[Setting]:
    """Every metric at every number of groups, of equal and unequal sizes; and with three seeds."""
    return [
        Setting(metric, count, unequal, seeds)
        for metric in metrics
        for count in groups
        for unequal, seeds in ((False, 1), (True, 1), (False, 3))
    ]


def main() -> None:
    """Prints one JSON line per setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--replications', type=int, default=2000)
    parser.add_argument('--resamples', type=int, default=500)
    parser.add_argument('--metric', choices=METRICS, action='append')
    parser.add_argument('--groups', type=int, action='append')
    given = parser.parse_args()
    for setting in settings(given.metric or list(METRICS), given.groups or [20, 60]):
        found = measure(setting, given.replications, given.resamples)
        print(json.dumps(found | {'population': population(setting.metric)}), flush=True)


if __name__ == '__main__':
    main()
