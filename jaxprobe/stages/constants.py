"""The predictors that never listen, scored on the test items of a record."""

from typing import Any

from jaxprobe.metrics import extra, kinds
from jaxprobe.stages.results import BankRecord


def of(record: BankRecord) -> dict[str, Any]:
    """What predictors that never listen earn on the test items.

    Returns:
        majority and best_constant, metric -> value; for classes also majority_class and
        best_constant_class, their labels.
    """
    task = record.meta['task']
    found = kinds.constants(
        task['kind'],
        record.train_targets,
        record.test_targets,
        record.test_logits.shape[2],
        list(task['labels']),
    )
    kept = {}
    for name in ('majority', 'best_constant'):
        kept[name] = {m: v for m, v in found[name].items() if m in task['metrics']}
    for metric in kinds.added(task['kind'], task['metrics'], task['labels']):
        asked = (task['kind'], metric, record.train_targets, record.test_targets)
        for name, value in extra.constants(*asked, record.test_logits.shape[2]).items():
            kept[name][metric] = value
    for name in ('majority_class', 'best_constant_class'):
        if name in found:
            kept[name] = task['labels'][found[name]]
    return kept
