"""Which metric module judges which kind of target, and one way to call them all.

A kind is the value of `jaxprobe.tasks.base.Kind` ('multiclass', 'multilabel', 'regression',
'key', and those of frames); metrics sit below tasks and know it by that string only.
"""

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from jaxprobe.core.errors import ConfigError, suggest

KINDS = ('multiclass', 'multilabel', 'regression', 'key', 'beats', 'frames', 'separation')
_NAMED = ('regression', 'separation')  # One more metric for every label.

# Metrics that are means over items: (kind, metric) -> module and function.
_PER_ITEM = {
    ('multiclass', 'accuracy'): ('multiclass', 'correct'),
    ('multiclass', 'micro_f1'): ('multiclass', 'correct'),
    ('key', 'micro_f1'): ('multiclass', 'correct'),
    ('key', 'accuracy'): ('multiclass', 'correct'),
    ('key', 'weighted_score'): ('key', 'item_weighted_score'),
    ('separation', 'sdr'): ('separation', 'item_sdr'),
}


def module_for(kind: str) -> ModuleType:
    """Returns the metric module of a kind of target.

    Raises:
        ConfigError: the kind is unknown; the message lists the near ones.
    """
    if kind not in KINDS:
        raise ConfigError(f'kind {kind!r} is unknown. {suggest(kind, KINDS)}')
    return importlib.import_module(f'jaxprobe.metrics.{kind}')


def names(kind: str, labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Names the metrics of a kind, the primary one first.

    Args:
        kind: the kind of target.
        labels: names of the outputs; a regression adds `r2_<label>` for each, separation
            `sdr_<label>`.
    """
    own = tuple(module_for(kind).METRICS)
    return own + tuple(f'{own[0]}_{label}' for label in labels) if kind in _NAMED else own


def added(kind: str, metrics: Sequence[str], labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of a task's metrics that its kind does not report by itself; see `extra`."""
    own = names(kind, labels)
    return tuple(metric for metric in metrics if metric not in own)


def per_label(kind: str, reference: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray] | None:
    """Scores of every label by itself, [C] each; None for kinds of frames."""
    module = module_for(kind)
    return module.per_label(reference, scores) if hasattr(module, 'per_label') else None


def evaluate(
    kind: str, reference: np.ndarray, scores: np.ndarray, labels: Sequence[str] | None = None
) -> dict[str, float]:
    """Computes every metric of a kind: reference [N] or [N C], scores [N C].

    Kinds of frames have statistics of items for both, see their modules.

    `labels` names the outputs of a regression or a separation and changes nothing elsewhere.

    Raises:
        ConfigError: the kind is unknown.
        ValueError: reference and scores do not belong together.
    """
    module = module_for(kind)
    if kind in _NAMED:
        return module.evaluate(reference, scores, labels)
    return module.evaluate(reference, scores)


def constants(
    kind: str,
    train_reference: np.ndarray,
    reference: np.ndarray,
    outputs: int,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Scores of predictors that never listen; see `constants` of the kind's module.

    Returns:
        'majority' (fitted on training) and 'best_constant' (the most a constant earns on the
        evaluated split), each metric -> value; for classes also the classes behind them.
    """
    module = module_for(kind)
    if kind in _NAMED:
        return module.constants(train_reference, reference, outputs, labels)
    return module.constants(train_reference, reference, outputs)


def per_item(kind: str, metric: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Returns the function (reference, scores) -> [N] whose mean is the metric, or None.

    Means over items can be resampled without computing the metric again. ROC-AUC, AP, F1 and
    R2 are not such means.

    Raises:
        ConfigError: the kind is unknown.
    """
    module_for(kind)
    if (kind, metric) not in _PER_ITEM:
        return None
    home, function = _PER_ITEM[kind, metric]
    return getattr(module_for(home), function)
