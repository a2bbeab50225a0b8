"""Protocols with a name, to be chosen for any clip-level task: `protocol=marble_v1` or `mir_ref`.

marble_v1 is what every task does anyway: MARBLE v1's numbers, or the paper's where v1 has none.

mir_ref (Plachouras et al., github.com/chrispla/mir_ref; spec/tasks.md 7.12) trains one linear
probe per representation: Adam at 1e-3, batches of 100 items, at most 100 epochs, stopping after 10
epochs without a better validation loss, L2 of 1e-5 on kernels and biases (in the loss that is
watched too, as Keras counts it), no dropout, no schedule. An item is the mean of its embeddings
over time. Reported beside the task's own metrics: micro and macro F1 (classes: the former is the
accuracy), and for keys the weighted score averaged over keys. `hidden=128` and `hidden=256,128`
are its other probes.

Where this is not what mir_ref's code does:

* the last, partial batch is kept, in training and in the test: mir_ref drops it in both, so that
  up to 99 test items are not scored (dataloaders.py, evaluate.py);
* the epoch that is kept is the one of least validation loss; mir_ref keeps the one of the best
  validation accuracy (tags: AUC) among the epochs that the loss allows;
* windows are those of the task or the encoder and the last one overlaps, so that all of a
  recording is heard; the mean over windows then weighs the overlap twice;
* macro F1 is over the classes that occur; scikit-learn's report of one-hot rows, which mir_ref
  prints, counts a class that never occurs as 0.
"""

import dataclasses
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.tasks.base import Kind, Protocol, Task

NAMES = ('marble_v1', 'mir_ref')

_F1 = {
    Kind.MULTICLASS: ('micro_f1',),  # macro_f1 is reported in any case.
    Kind.MULTILABEL: ('micro_f1', 'macro_f1'),
    Kind.KEY: ('macro_weighted_score', 'micro_f1', 'macro_f1'),
}


class Named(NamedTuple):
    """The numbers of a protocol for a task, and the metrics it reports beside the task's own."""

    numbers: Protocol
    metrics: tuple[str, ...]


def named(name: str, task: Task) -> Named:
    """The protocol called `name` for a task.

    Raises:
        ConfigError: there is none of this name, or it is not made for this kind of task.
    """
    if name not in NAMES:
        raise ConfigError(f'task {task.name}: protocol {name!r} is unknown. {suggest(name, NAMES)}')
    if name == 'marble_v1':
        return Named(task.protocol, ())
    if task.kind.framewise:
        raise ConfigError(
            f'task {task.name}: protocol=mir_ref is for items with one answer; this is a '
            f'{task.kind.value} task. Leave protocol out.'
        )
    numbers = dataclasses.replace(
        task.protocol,
        monitor='loss',
        select_by=task.primary,
        hidden=(),
        dropout=0.0,
        batch_items=100,
        epochs=100,
        plateau_factor=1.0,
        stop_patience=10,
        aggregation='embeddings',
        tail='overlap',
        l2=1e-5,
        learning_rates=(1e-3,),
    )
    return Named(numbers, _F1.get(task.kind, ()))
