"""Metrics beyond those that every task of a kind reports: ours by name, the user's by dotted path.

A user's metric, `my_pkg.my_metrics:balanced_accuracy`, is a function (reference, scores) -> float
over the items of a split: reference [N] class indices or [N C] tags or numbers, scores [N C] the
item logits. Tasks of frames give it what they store of every item: the reference rows and the
statistics that `metrics/beats.py`, `frames.py` or `separation.py` describe (matches and counts of
beats, confusion counts of frames, energies of stems). Higher is better. It is reported, verified
and bootstrapped like our own, and the sha256 of the file it comes from is written beside the
result.
"""

import functools
import hashlib
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.core.registry import load_path
from jaxprobe.metrics import beats, frames, key, multiclass, multilabel, separation

Metric = Callable[[np.ndarray, np.ndarray], float]

KINDS = ('multiclass', 'multilabel', 'regression', 'key')  # An item has one answer.
FRAMES = {'beats': beats, 'frames': frames, 'separation': separation}

_NAMED: dict[str, dict[str, Metric]] = {
    'multiclass': {'micro_f1': multiclass.micro_f1},
    'multilabel': {'micro_f1': multilabel.micro_f1, 'macro_f1': multilabel.macro_f1},
    'regression': {},
    'key': {
        'macro_weighted_score': key.macro_weighted_score,
        'micro_f1': multiclass.micro_f1,
        'macro_f1': multiclass.macro_f1,
    },
}


def check(kind: str, names: Sequence[str]) -> None:
    """Refuses names that are no metric of the kind and no function that can be imported.

    Raises:
        ConfigError: says which, and what would do.
    """
    for name in names:
        metric(kind, name)


def metric(kind: str, name: str) -> Metric:
    """The function behind a name or dotted path.

    Raises:
        ConfigError: there is none.
    """
    if ':' in name:
        return _users(name)
    known = _NAMED.get(kind, {})
    if name not in known:
        own = suggest(name, known) if known else f'A {kind} task has no others.'
        raise ConfigError(
            f'metric {name!r} is unknown. {own} Your own: a dotted path, '
            f'`package.module:function`, of a function (reference, scores) -> float.'
        )
    return known[name]


def source_sha256(name: str) -> str:
    """Hash (hex) of the file that a user's metric is written in; '' where it has none.

    Raises:
        ConfigError: it cannot be imported.
    """
    function = inspect.unwrap(load_path(name, 'metric'))
    try:
        file = inspect.getsourcefile(function)
        with open(file or '', 'rb') as source:
            return hashlib.file_digest(source, 'sha256').hexdigest()
    except (TypeError, OSError):  # Written in C, or in a session.
        return ''


def constants(
    kind: str, name: str, train_reference: np.ndarray, reference: np.ndarray, outputs: int
) -> dict[str, float]:
    """What predictors that never listen earn by this metric.

    Returns:
        'majority' (fitted on training) and 'best_constant' (the most that any of the constant
        answers looked at earns: every class; for tags the k most frequent of the split, for
        every k; for numbers the means of training and of the split; of frames what `unheard` of
        their module lists). nan where it is undefined.
    """
    scored = functools.partial(_or_nan, metric(kind, name), reference)
    if kind in FRAMES:
        chosen, answers = FRAMES[kind].unheard(train_reference, reference)
        earned = [scored(answer) for answer in answers]
        return {'majority': earned[chosen], 'best_constant': _most(earned)}
    majority, others = _answers(kind, train_reference, reference, outputs)
    found = [scored(np.repeat(row[None], len(reference), axis=0)) for row in (majority, *others)]
    return {'majority': found[0], 'best_constant': _most(found)}


def _most(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=float('nan'))


def _answers(
    kind: str, train: np.ndarray, reference: np.ndarray, outputs: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One row of scores [C] fitted on training, and those to choose from."""
    if kind == 'regression':
        return train.mean(axis=0, dtype=float), [reference.mean(axis=0, dtype=float)]
    if kind == 'multilabel':
        often = np.argsort(-reference.sum(axis=0), kind='stable')
        tops = [np.isin(np.arange(outputs), often[:k]) for k in range(1, outputs + 1)]
        return np.sign(train.mean(axis=0, dtype=float) - 0.5), [2.0 * top - 1.0 for top in tops]
    rows = list(np.eye(outputs))
    return rows[int(np.bincount(train, minlength=outputs).argmax())], rows


def _or_nan(function: Metric, reference: np.ndarray, scores: np.ndarray) -> float:
    try:
        return function(reference, scores)
    except ValueError:
        return float('nan')


@functools.cache
def _users(path: str) -> Metric:
    """The user's function, held to its contract at every call."""
    function: Any = load_path(path, 'metric')
    if not callable(function):
        raise ConfigError(f'metric {path!r} is {function!r:.80}, which cannot be called.')

    def checked(reference: np.ndarray, scores: np.ndarray) -> float:
        try:
            value = function(reference.copy(), scores.copy())  # It may write to what it is given.
        except Exception as error:  # The user's own code: it may raise anything.
            raise ValueError(f'{path} raises {type(error).__name__}: {error}') from error
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise ConfigError(
                f'metric {path!r} returns {value!r:.80} ({type(value).__name__}) for reference '
                f'{reference.shape} and scores {scores.shape}; it must return one number.'
            )
        if not math.isfinite(value):
            raise ValueError(
                f'{path} is {value} for {len(reference)} items; a metric is a finite number, or '
                f'raises ValueError where it is not defined'
            )
        return float(value)

    return checked
