"""Which of our numbers stands beside a printed one.

A printed number names an encoder, a variant, a task and a metric in its paper's words.
`encoders.csv` and `tasks.csv` say what they are called here, what our task must have been asked
(`needs`, a condition on its options), and why a number has no counterpart (`reason`). The variant
says what of ours is read: the paper's layer, its weighted sum, a fixed vector of the encoder, or
the cell that validation selects where the paper prints the best of everything.
"""

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from jaxprobe.literature import table
from jaxprobe.literature.table import Published

SCALES = {'percent': 0.01, 'dB': 1.0}  # Ours are shares, and decibels.

# The probes of mir_ref by their hidden layers; the widths of m4 and m5 follow from the task.
_PROBES = {(): 'm1', (128,): 'm2', (256, 128): 'm3'}


class Ours(NamedTuple):
    """Our names for what a printed number is of.

    Attributes:
        reads: 'selected'; 'mix' or 'mix13', a learned sum; or a source by layer number, by range
            or by name.
        head: 'm1' to 'm5' for the probes of mir_ref, '' for the task's own head.
        needs: condition on the options of the task.
    """

    encoder: str
    task: str
    metric: str
    scale: float
    reads: str
    head: str
    needs: str


class Pair(NamedTuple):
    """A printed number and what of a result stands beside it.

    Attributes:
        source: of the result; '' is the selected cell.
        why_not: why it cannot be compared, '' where it can.
    """

    row: Published
    ours: Ours
    source: str
    why_not: str


def ours(row: Published) -> Ours | str:
    """Our names for a printed number, or the reason why there are none."""
    encoder, task = _encoders()[row.paper, row.encoder], _tasks()[row.task, row.metric]
    if encoder['reason'] or task['reason']:
        return encoder['reason'] or task['reason']
    probe = re.fullmatch(r'M[1-5]', row.variant)
    return Ours(
        encoder=encoder['ours'],
        task=task['ours'],
        metric=task['our_metric'],
        scale=SCALES[task['unit']],
        reads=encoder['reads'] or _reads(row),
        head=probe[0].lower() if probe else '',
        needs=task['needs'],
    )


def encoder(row: Published) -> str:
    """Our name for the encoder of a printed number, '' where it is none of ours."""
    return _encoders()[row.paper, row.encoder]['ours']


def pairs(
    encoder: Mapping[str, Any],
    task: Mapping[str, Any],
    protocol: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
    heads: Collection[str] = (),
) -> list[Pair]:
    """Every printed number of an encoder and a task, with what of a result is beside it.

    Args:
        encoder, task, protocol: as a record's `meta` and a result file hold them.
        sources: {name, layers, learned} of those that were probed.
        heads: names of further heads that were trained.
    """
    options = {key: str(value) for key, value in task.get('options', {}).items()}
    own = probe(protocol)
    found = []
    for row, wanted in _by_names().get((encoder['name'], task['name']), ()):
        source = find(wanted.reads, encoder['layers'], sources)
        why_not = ''
        if not table.holds(wanted.needs, options):
            why_not = f'ours is another task: it needs {wanted.needs}'
        elif wanted.metric not in task['metrics']:
            why_not = f'{wanted.metric} is not measured here'
        elif source is None:
            why_not = f'{_said(wanted.reads)} is not probed here'
        elif wanted.head and wanted.head != own and wanted.head not in heads:
            why_not = f'the head {wanted.head} is not trained here'
        found.append(Pair(row, wanted, source or '', why_not))
    return found


def facts(task: Mapping[str, Any], source: str) -> dict[str, str]:
    """What footnotes may ask of our side."""
    options = {key: str(value) for key, value in task.get('options', {}).items()}
    return options | {'source': source}


def probe(protocol: Mapping[str, Any]) -> str:
    """The name of mir_ref's probe that a protocol trains, '' for another."""
    return _PROBES.get(tuple(protocol.get('hidden', (-1,))), '')


def find(
    reads: str, layers: Sequence[Mapping[str, Any]], sources: Sequence[Mapping[str, Any]]
) -> str | None:
    """The name of the source that reads what is meant, '' for the selected one, None if absent."""
    if reads == 'selected':
        return ''
    if reads in ('mix', 'mix13'):
        learned = [s['name'] for s in sources if s['learned']]
        return reads if reads in learned else learned[0] if learned else None
    plain = [s for s in sources if not s['learned']]
    if reads.isdigit():
        singles = [s for s in plain if len(s['layers']) == 1]
        depth = {s['name']: layers[s['layers'][0]]['index'] for s in singles}
        return next((name for name, number in depth.items() if number == int(reads)), None)
    return next((s['name'] for s in plain if s['name'] == reads), None)


def _reads(row: Published) -> str:
    """What a variant reads, where its encoder does not say."""
    layer = re.match(r'(?:layer|best\(layer )(\d+)', row.variant)
    if layer:
        return layer[1]
    if row.variant.startswith('weighted'):
        return 'mix13' if row.paper == 'ma2023_speech_ssl' else 'mix'
    return 'selected'


def _said(reads: str) -> str:
    return f'layer {reads}' if reads.isdigit() else f'source {reads}'


@functools.cache
def _by_names() -> dict[tuple[str, str], list[tuple[Published, Ours]]]:
    found: dict[tuple[str, str], list[tuple[Published, Ours]]] = {}
    for row in table.rows():
        named = ours(row)
        if isinstance(named, Ours):
            found.setdefault((named.encoder, named.task), []).append((row, named))
    return found


@functools.cache
def _encoders() -> dict[tuple[str, str], dict[str, str]]:
    return {(line['paper'], line['encoder']): line for line in table.read('encoders')}


@functools.cache
def _tasks() -> dict[tuple[str, str], dict[str, str]]:
    return {(line['task'], line['metric']): line for line in table.read('tasks')}
