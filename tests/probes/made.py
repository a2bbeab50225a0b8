"""Small made problems for the bank's tests: layers that know more the deeper they are."""

import numpy as np

from jaxprobe.probes.spec import BankSpec, Source, Split

WIDTHS = (12, 20, 20, 20)
OUTPUTS = {'multiclass': 4, 'multilabel': 5, 'regression': 2, 'key': 24}
MONITOR = {
    'multiclass': 'accuracy',
    'multilabel': 'roc_auc',
    'regression': 'r2',
    'key': 'weighted_score',
}


SEEDS = range(2)  # Of `spec`.


def spec(kind='multiclass', **changes):
    """A grid of 5 sources over two widths."""
    given = {
        'task': 'made',
        'kind': kind,
        'outputs': OUTPUTS[kind],
        'sources': (
            Source('0', (0,)),
            Source('1', (1,)),
            Source('3', (3,)),
            Source('mean', (1, 2)),
            Source('mix', (1, 2, 3), learned=True),
        ),
        'learning_rates': (1e-3, 1e-2),
        'seeds': 2,
        'root_seed': 0,
        'monitor': MONITOR[kind],
        'hidden': (16,),
        'batch_items': 16,
        'epochs': 8,
        'plateau_patience': 1,
        'stop_patience': 4,
    }
    return BankSpec(**{**given, **changes})


def split(kind, n, seed, most=3):
    """`n` items of 1..most windows; what is to be found grows clearer with depth."""
    random = np.random.RandomState(seed)
    count = random.randint(1, most + 1, n)
    first = np.cumsum(count) - count
    hidden = random.randn(n, 6)
    rule = np.random.RandomState(99)
    readout = rule.randn(6, OUTPUTS[kind])
    score = hidden @ readout
    if kind in ('multiclass', 'key'):
        targets = score.argmax(1)
    elif kind == 'multilabel':
        targets = (score > 0.7).astype(np.float32)
    else:
        targets = score.astype(np.float32)
    rows = np.repeat(hidden, count, axis=0)
    groups = {}
    for width, noises in ((12, (3.0,)), (20, (2.0, 1.0, 0.3))):
        layers = []
        for noise in noises:
            lift = rule.randn(6, width)
            layers.append(rows @ lift + noise * random.randn(len(rows), width))
        groups[width] = np.stack(layers, axis=1).astype(np.float32)
    return Split(groups, first, count, targets)


def frames(kind, sizes=(24, 12, 9), most=7):
    """Splits of a frame task: items are windows of `most` frames, some frames without a target."""
    found = []
    for seed, n in enumerate(sizes):
        part = split(kind, n * most, seed, 1)
        targets = part.targets.copy()
        targets[seed::5] = -1 if kind == 'multiclass' else np.nan
        if kind == 'multilabel':
            targets[1::5] *= 0.5  # Beside a beat.
        found.append(Split(part.groups, np.arange(n) * most, np.full(n, most), targets))
    return tuple(found)


def splits(kind, sizes=(70, 40, 30), most=3):
    return tuple(split(kind, n, seed, most) for seed, n in enumerate(sizes))


class Reader:
    """Rows of a split served on request, as a store would; counts its reads."""

    def __init__(self, groups):
        self.groups, self.reads = groups, 0

    def read(self, rows):
        self.reads += 1
        return {width: array[rows] for width, array in self.groups.items()}

    def prefetched(self, chunks):
        return (self.read(rows) for rows in chunks)


def streamed(parts):
    return tuple(part._replace(groups=Reader(part.groups)) for part in parts)
