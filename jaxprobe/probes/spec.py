"""What a bank is asked to train and what it answers: plain tuples, no computation.

P cells are ordered source, learning rate, seed, the seed fastest. A row is one window; the
rows of a split are sorted by item, then by window. In a frame task a row is one frame with a
target of its own, and what the order shuffles, the item, is a window: a run of frames.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from jaxprobe.core.errors import ConfigError, DataError, suggest

MONITORS: dict[str, tuple[str, ...]] = {
    'multiclass': ('accuracy', 'loss'),
    'multilabel': ('roc_auc', 'ap', 'loss'),
    'regression': ('r2', 'loss'),
    'key': ('weighted_score', 'loss'),
    'beats': ('loss',),
    'frames': ('accuracy', 'loss'),
    'separation': ('loss',),
}
# What a kind of frames is trained as.
TRAINED_AS = {'beats': 'multilabel', 'frames': 'multiclass'}
FRAME_MONITORS = (('multiclass', 'accuracy'), ('multiclass', 'loss'), ('multilabel', 'loss'))
AGGREGATIONS = ('logits', 'probs', 'embeddings')

# How a key probe turns the windows of a song into one answer, in MARBLE v1's order: the first
# of equally good strategies is taken.
ENSEMBLES = ('vote', 'max', 'gmean', 'mean')


class Source(NamedTuple):
    """What a probe reads.

    Attributes:
        name: shown in tables.
        layers: one layer; several are averaged, or combined by learned weights.
        learned: softmax weights over `layers` are trained with the head.
    """

    name: str
    layers: tuple[int, ...]
    learned: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class BankSpec:
    """The protocol and the grid of one task; defaults are MARBLE v1's (spec/tasks.md, 2).

    `frames` says that targets belong to rows, see the module's docstring.
    """

    task: str
    kind: str
    outputs: int
    sources: tuple[Source, ...]
    learning_rates: tuple[float, ...]
    seeds: int
    root_seed: int
    monitor: str
    hidden: tuple[int, ...] = (512,)
    dropout: float = 0.2
    batch_items: int = 64
    epochs: int = 100
    plateau_patience: int = 5
    plateau_factor: float = 0.5
    stop_patience: int = 20
    aggregation: str = 'logits'
    frames: bool = False
    l2: float = 0.0  # Times the sum of squares of weights and biases, in the loss and its monitor.
    tf32: bool = False  # Matrix products in TF32 (10 bits), on GPUs that have it.

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger monitor is a better probe."""
        return self.monitor != 'loss'


@runtime_checkable
class RowReader(Protocol):
    """Reads the embeddings of any rows of a split, e.g. from a store too large for memory."""

    def read(self, rows: Int[np.ndarray, 'R']) -> dict[int, Shaped[np.ndarray, 'R Lg D']]:
        """Returns the rows asked for, by width, in the order asked for."""
        ...

    def prefetched(
        self, chunks: Sequence[Int[np.ndarray, '_']]
    ) -> Iterator[dict[int, Shaped[np.ndarray, '_ _ _']]]:
        """Reads one chunk of rows after another, in order, ahead of the consumer."""
        ...


class Split(NamedTuple):
    """The items of one split.

    Attributes:
        groups: width -> embeddings [R, Lg, D], or a reader of them.
        first: the first row of every item.
        count: its number of rows, at least one.
        targets: class indices [N], or [N, C] tags (0 or 1) or regression targets. In a frame
            task one per row, [R] or [R, C]: tags may lie between 0 and 1, and a row with class
            -1 or nan tags is neither trained on nor scored.
        chosen: the items that are trained on, ascending; None for all. The others only keep the
            shapes, and with them the compiled programs, those of the whole split.
        borrowed: for every seed the item whose target each item is trained with; None leaves
            everyone their own. In a frame task an item is a window, and all have equally many
            frames.
    """

    groups: dict[int, Shaped[np.ndarray, '_ _ _']] | RowReader
    first: Int[np.ndarray, 'N']
    count: Int[np.ndarray, 'N']
    targets: Int[np.ndarray, 'N'] | Float[np.ndarray, 'N C']
    chosen: Int[np.ndarray, 'K'] | None = None
    borrowed: Int[np.ndarray, 'S N'] | None = None


class BankResult(NamedTuple):
    """Every cell's outcome, in cell order.

    Attributes:
        best_epoch: the first epoch, from 0, that reached the best monitor; -1 where a cell
            diverged before any epoch counted: its logits are then those of the untrained head.
        best_monitor: the validation monitor at that epoch (nan where there is none).
        ensemble: the window ensemble chosen on validation; '' except for keys.
        valid_logits: item scores after aggregation, at the best epoch; frames of a frame task;
            without items (P 0 C) where `train` was given a taker. For aggregation `probs`
            they are log-odds (multilabel) or log-probabilities (multiclass) of the mean. For
            keys they are the chosen ensemble's scores, whose argmax is the answer.
        mix_weights: learned weights by layer; nan where a layer takes no part in the source,
            so whole rows are nan where nothing is learned.
        also_logits: scores of items of the further splits, by name.
    """

    source: tuple[str, ...]
    learning_rate: Float[np.ndarray, 'P']
    seed: Int[np.ndarray, 'P']
    best_epoch: Int[np.ndarray, 'P']
    epochs_run: Int[np.ndarray, 'P']
    best_monitor: Float[np.ndarray, 'P']
    diverged: Bool[np.ndarray, 'P']
    ensemble: tuple[str, ...]
    valid_logits: Float[np.ndarray, 'P Nv C']
    test_logits: Float[np.ndarray, 'P Nt C']
    mix_weights: Float[np.ndarray, 'P L']
    also_logits: Mapping[str, Float[np.ndarray, 'P _ C']] = MappingProxyType({})


class Progress(NamedTuple):
    """Where a bank stands after an epoch; `seconds_left` supposes that no further cell stops.

    Cells that are not trained all at once are trained in waves, each over all epochs.
    """

    task: str
    epoch: int
    epochs: int
    alive: int
    cells: int
    cells_done: int
    epochs_per_second: float  # Of this wave.
    wave: int = 0  # From 0.
    waves: int = 1

    @property
    def seconds_left(self) -> float:
        """Of all waves, at the rate of this one."""
        here = self.epochs - self.epoch - 1 if self.alive else 0
        return (here + (self.waves - self.wave - 1) * self.epochs) / self.epochs_per_second


OnProgress = Callable[[Progress], None]

# Given (cells [p], split, scores [p N C]) as cells finish, in any order.
Take = Callable[[np.ndarray, str, np.ndarray], None]


def nowhere(cells: np.ndarray, split: str, scores: np.ndarray) -> None:
    """Takes scores that another process keeps."""
    del cells, split, scores


def validate(spec: BankSpec, layer_widths: tuple[int, ...]) -> None:
    """Refuses a grid that cannot be trained.

    Raises:
        ConfigError: names the field, what arrived and what would do.
    """
    if spec.kind not in MONITORS:
        raise ConfigError(f'kind={spec.kind!r} is unknown. {suggest(spec.kind, MONITORS)}')
    known = MONITORS[spec.kind]
    if spec.monitor not in known:
        raise ConfigError(
            f'monitor={spec.monitor!r} cannot be watched for a {spec.kind} task. '
            f'{suggest(spec.monitor, known)}'
        )
    if spec.aggregation not in AGGREGATIONS:
        raise ConfigError(
            f'aggregation={spec.aggregation!r} is unknown. '
            f'{suggest(spec.aggregation, AGGREGATIONS)}'
        )
    if spec.frames and (spec.kind, spec.monitor) not in FRAME_MONITORS:
        can = ', '.join(f'{kind} by {name}' for kind, name in FRAME_MONITORS)
        raise ConfigError(
            f'frames cannot be trained as {spec.kind} by {spec.monitor}; what can be: {can}'
        )
    if spec.frames and spec.aggregation != 'logits':
        raise ConfigError(
            f'aggregation={spec.aggregation!r} joins the windows of an item, and frames are '
            "scored one by one; expected 'logits'. Leave aggregation out for this task."
        )
    if spec.kind == 'key' and spec.outputs != 24:
        raise ConfigError(f'a key task has 24 outputs (C..B major, C..B minor), not {spec.outputs}')
    positive = {
        'outputs': spec.outputs,
        'seeds': spec.seeds,
        'batch_items': spec.batch_items,
        'epochs': spec.epochs,
        'len(sources)': len(spec.sources),
        'len(learning_rates)': len(spec.learning_rates),
        **{f'hidden[{i}]': width for i, width in enumerate(spec.hidden)},
    }
    for name, value in positive.items():
        if value < 1:
            raise ConfigError(f'{name}={value} leaves nothing to train; it must be at least 1')
    if not 0 <= spec.dropout < 1:
        raise ConfigError(f'dropout={spec.dropout} must lie in [0, 1); it is the share dropped')
    if not 0 <= spec.l2 < np.inf:
        raise ConfigError(f'l2={spec.l2} must be a number that is not negative')
    if not all(np.isfinite(rate) and rate > 0 for rate in spec.learning_rates):
        raise ConfigError(f'learning_rates={spec.learning_rates} must be positive numbers')
    for label, names in (
        ('source names', [s.name for s in spec.sources]),
        ('learning_rates', list(spec.learning_rates)),
    ):
        if len(set(names)) < len(names):
            raise ConfigError(f'{label} repeat: {names}; a cell must have one name')
    for source in spec.sources:
        _validate_source(source, layer_widths)


def validate_split(spec: BankSpec, name: str, split: Split) -> None:
    """Refuses a split that cannot be trained on or scored.

    Raises:
        DataError: names the split, what arrived and what would do.
    """
    _validate_items(spec, name, split)
    if spec.frames:
        _validate_frames(spec, name, split)
        return
    n = len(split.targets)
    if n == 0 or not len(split.first) == len(split.count) == n:
        raise DataError(
            f'{spec.task}: split {name!r} has {n} targets, {len(split.first)} first rows and '
            f'{len(split.count)} counts; all three must agree and be at least 1'
        )
    if int(split.count.min()) < 1:
        item = int(np.argmin(split.count))
        raise DataError(
            f'{spec.task}: item {item} of split {name!r} has no window; leave items without '
            'audio out before training'
        )
    whole = spec.kind in ('multiclass', 'key')
    if whole and (split.targets.min() < 0 or split.targets.max() >= spec.outputs):
        raise DataError(
            f'{spec.task}: split {name!r} has classes {split.targets.min()}..'
            f'{split.targets.max()}, expected 0..{spec.outputs - 1}'
        )
    if split.targets.shape[1:] != (() if whole else (spec.outputs,)):
        raise DataError(
            f'{spec.task}: targets of split {name!r} have shape {split.targets.shape}, expected '
            f'({n},{"" if whole else f" {spec.outputs}"})'
        )
    if name == 'valid' and not monitor_defined(spec.monitor, split.targets):
        raise DataError(
            f'{spec.task}: no tag of split {name!r} has both positive and negative items, so '
            f"{spec.monitor!r} is not defined. Use more items, or monitor='loss'."
        )


def _validate_items(spec: BankSpec, name: str, split: Split) -> None:
    n, chosen, borrowed = len(split.first), split.chosen, split.borrowed
    if chosen is not None:
        within = len(chosen) and chosen[0] >= 0 and chosen[-1] < n and (np.diff(chosen) > 0).all()
        if not within:
            raise DataError(
                f'{spec.task}: chosen items {chosen} of split {name!r} must be ascending numbers '
                f'of its {n} items, at least one'
            )
    if borrowed is not None and (
        borrowed.shape != (spec.seeds, n) or borrowed.min() < 0 or borrowed.max() >= n
    ):
        raise DataError(
            f'{spec.task}: borrowed targets of split {name!r} have shape {borrowed.shape}; '
            f'expected {(spec.seeds, n)} numbers of its {n} items'
        )


def _validate_frames(spec: BankSpec, name: str, split: Split) -> None:
    rows, whole = int(split.count.sum()), spec.kind == 'multiclass'
    wanted = (rows,) if whole else (rows, spec.outputs)
    if len(split.first) != len(split.count) or rows == 0 or split.targets.shape != wanted:
        raise DataError(
            f'{spec.task}: split {name!r} has {len(split.first)} windows with {rows} frames and '
            f'targets of shape {split.targets.shape}; expected {wanted}'
        )
    if whole and (split.targets.min() < -1 or split.targets.max() >= spec.outputs):
        raise DataError(
            f'{spec.task}: frames of split {name!r} have classes {split.targets.min()}..'
            f'{split.targets.max()}, expected -1 (none) to {spec.outputs - 1}'
        )
    if not (split.targets >= 0).any():  # False for nan.
        raise DataError(f'{spec.task}: no frame of split {name!r} has a target')


def monitor_defined(name: str, targets: Shaped[np.ndarray, 'N *outputs']) -> bool:
    """Whether a split with these targets has this monitor at all."""
    if name not in ('roc_auc', 'ap'):
        return True
    positives = targets.sum(axis=0)
    return bool(((positives > 0) & ((positives < len(targets)) | (name == 'ap'))).any())


def _validate_source(source: Source, layer_widths: tuple[int, ...]) -> None:
    outside = [k for k in source.layers if not 0 <= k < len(layer_widths)]
    if outside or not source.layers:
        raise ConfigError(
            f'source {source.name!r} reads layers {source.layers}; this encoder has layers '
            f'0..{len(layer_widths) - 1}'
        )
    widths = sorted({layer_widths[k] for k in source.layers})
    if len(widths) > 1:
        raise ConfigError(
            f'source {source.name!r} combines layers of different widths {widths}; only layers '
            'of one width can be averaged or mixed. Name layers of one width, or leave it out.'
        )
