"""Every figure of a report, with its name and caption."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from jaxprobe.reports import curves, maps
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks


class Drawing(NamedTuple):
    """A figure of a report.

    Attributes:
        name: of its files, without ending.
        kind: 'curve', 'layers', 'weights' or 'rates'.
        about: the task of a curve, the encoder of the others.
        alt: what it shows, in one sentence.
        figure: to be rendered.
    """

    name: str
    kind: str
    about: str
    alt: str
    figure: Figure


def draw(results: Sequence[Result]) -> Iterator[Drawing]:
    """Draws one figure after the other: curves by task, then the maps of each encoder."""
    taken: dict[str, int] = {}
    for kind, about, more, alt, figure in _draw(results):
        name = slug(kind, about, *more)
        taken[name.lower()] = number = taken.get(name.lower(), 0) + 1
        yield Drawing(name if number == 1 else f'{name}.{number}', kind, about, alt, figure)


def _draw(results: Sequence[Result]) -> Iterator[tuple[str, str, list[str], str, Figure]]:
    for task in tasks(results):
        alt = f'Test score of every layer on {task}, one line per encoder'
        yield 'curve', task, [], alt, curves.layer_curve(of_task(results, task))
    for encoder in encoders(results):
        rows = of_encoder(results, encoder)
        alt = f'Test scores of {encoder}: tasks by layers'
        yield 'layers', encoder, [], alt, maps.layers_by_tasks(rows)
        weights = maps.weights_by_tasks(rows)
        if weights is not None:
            alt = f'Learned layer weights of {encoder}: tasks by layers'
            yield 'weights', encoder, [], alt, weights
        for row in rows:
            alt = f'Validation scores of {encoder} on {row.task}: layers by learning rates'
            yield 'rates', encoder, [row.task], alt, maps.rates_by_layers(row)


def slug(*parts: str) -> str:
    """A file name from names that may hold anything.

    >>> slug('curve', 'my task/2')
    'curve-my_task_2'
    """
    return '-'.join(re.sub(r'[^\w.]+', '_', part)[:60] for part in parts)
