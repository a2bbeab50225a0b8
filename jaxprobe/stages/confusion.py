"""Which classes the selected probe takes for which, and the items it was surest about in error.

Of the selected (source, rate) and its first seed: a mean over seeds is no probe's answer. The
margin is the logit of the answer less that of the truth, after aggregation over the windows of an
item; for keys it is in units of the ensemble that was chosen (votes, logits or log-probabilities).
"""

from typing import Any

import numpy as np

from jaxprobe.stages.sections import Context

SHOWN = 30
_KINDS = ('multiclass', 'key')


def section(context: Context) -> dict[str, Any] | None:
    """Counts [truth][answer] and the wrong items of the largest margin; None for other kinds."""
    record, book = context.record, context.grid.book
    task = record.meta['task']
    if task['kind'] not in _KINDS or book is None:
        return None
    logits = record.test_logits[book.selected.cells[0]].astype(np.float64)
    truth, answer = record.test_targets, logits.argmax(axis=1)
    labels = list(task['labels'])
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (truth, answer), 1)
    items = np.arange(len(truth))
    margin = logits[items, answer] - logits[items, truth]
    wrong = np.flatnonzero(answer != truth)
    surest = wrong[np.argsort(-margin[wrong], kind='stable')][:SHOWN]
    return {
        'source': book.selected.source,
        'learning_rate': book.selected.learning_rate,
        'seed': int(record.seed[book.selected.cells[0]]),
        'labels': labels,
        'counts': counts.tolist(),
        'items': [
            {
                'id': record.test_ids[i],
                'truth': labels[truth[i]],
                'answer': labels[answer[i]],
                'margin': margin[i],
                'path': '',  # Results say nothing of where audio lies; the page may look it up.
            }
            for i in surest
        ],
        'shown': len(surest),
        'of': len(wrong),
    }
