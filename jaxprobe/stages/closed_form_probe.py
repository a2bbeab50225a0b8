"""The probes without a learning rate as variants of a task's bank: `<task>@ridge`, `<task>@lda`.

Their records are those of any bank. A cell is (source, penalty): the column `learning_rate` carries
the penalty, or LDA's shrinkage (`meta['axis']` says which), every seed and best epoch is 0, and
`meta['scale']` gives the number by source that a penalty is multiplied with. What is selected on
validation is what the task selects by, or its primary metric where that is the loss.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxprobe.probes import closed_form
from jaxprobe.probes.closed_form import Solved
from jaxprobe.probes.spec import BankResult, Source
from jaxprobe.stages.closed_form import AXIS, LDA, RIDGE
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known, Opened
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.training import Trained, splits_of

WHAT = {
    RIDGE: 'ridge regression, every penalty, no learning rate',
    LDA: 'linear discriminant analysis, every shrinkage, no learning rate',
}
_VALUES = {RIDGE: closed_form.PENALTIES, LDA: closed_form.SHRINKAGES}
_HALF = 6e4  # What float16 holds.


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """Ridge, and LDA for classes; none for tasks of frames, nor where all sources are learned."""
    kind = known.task.kind.value
    sources = tuple(source for source in known.grid.sources if not source.learned)
    if not study.closed_form or kind not in closed_form.KINDS:
        return []
    if not sources:
        print(f'   {known.label}: no closed form of learned sums, and no other source is probed')
        return []
    names = (RIDGE, LDA) if kind in closed_form.CLASSES else (RIDGE,)
    solver = _Solver(sources)
    return [solver.job(known, name) for name in names]


class _Solver:
    """Solves ridge and LDA together when either is asked for, and hands each out once."""

    def __init__(self, sources: Sequence[Source]):
        """Takes the sources to solve."""
        self._sources = sources
        self._found: dict[str, Solved] = {}

    def job(self, known: Known, name: str) -> Job:
        """The job of one of the two."""
        protocol = dict(known.meta['protocol'])
        by = protocol['select_by'] or protocol['monitor']
        protocol['select_by'] = by if by in known.task.metrics else known.task.primary
        return Job(
            grid=known.grid,
            kind=name,
            what=WHAT[name],
            solve=lambda opened: self._trained(opened, name),
            decides={'values': list(_VALUES[name]), 'sources': [s.name for s in self._sources]},
            meta={
                'axis': AXIS[name],
                'protocol': protocol | {'learning_rates': list(_VALUES[name]), 'seeds': 1},
                'sources': [s for s in known.meta['sources'] if not s['learned']],
            },
        )

    def _trained(self, opened: Opened, name: str) -> Trained:
        known, splits = opened.known, splits_of(opened)
        if name not in self._found:
            self._found = closed_form.solve(
                known.grid.kind,
                known.grid.outputs,
                (splits['train'], splits['valid'], splits['test']),
                self._sources,
                known.widths,
                aggregation=known.grid.aggregation,
            )
        solved = self._found.pop(name)
        half = name == LDA and known.plan.probe.logits_dtype == 'float16'
        result = _cells(solved, self._sources, _VALUES[name], len(known.widths), half)
        wanted = {split: one.targets for split, one in splits.items()}
        scale = {s.name: value for s, value in zip(self._sources, solved.scale, strict=True)}
        return Trained(result, wanted, {'scale': scale})


def _cells(
    solved: Solved, sources: Sequence[Source], values: Sequence[float], layers: int, half: bool
) -> BankResult:
    """Every (source, penalty) as a cell, in that order."""
    names = tuple(source.name for source in sources for _ in values)
    cells = len(names)
    logits = [part.reshape(cells, *part.shape[2:]) for part in (solved.valid, solved.test)]
    if half:
        logits = [_within_half(part) for part in logits]
    return BankResult(
        source=names,
        learning_rate=np.tile(np.asarray(values), len(sources)),
        seed=np.zeros(cells, np.int64),
        best_epoch=np.zeros(cells, np.int64),
        epochs_run=np.zeros(cells, np.int64),
        best_monitor=np.full(cells, np.nan),
        diverged=np.zeros(cells, bool),
        ensemble=('',) * cells,
        valid_logits=logits[0],
        test_logits=logits[1],
        mix_weights=np.full((cells, layers), np.nan, np.float32),
    )


def _within_half(logits: np.ndarray) -> np.ndarray:
    """Log posteriors that float16 can hold: those of an item less their largest, none below."""
    return np.maximum(logits - logits.max(axis=2, keepdims=True), -_HALF)
