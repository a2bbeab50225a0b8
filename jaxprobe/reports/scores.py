"""The page's tables of scores: one over everything, one per task."""

from collections.abc import Sequence

from jaxprobe.reports import tables, text
from jaxprobe.reports.markup import Cell, escape, table, tags
from jaxprobe.reports.read import Result, encoders, of_task, tasks


def overview(results: Sequence[Result]) -> str:
    """Tasks as rows, encoders as columns: score, interval, selected source."""
    names = encoders(results)
    head: list[Cell] = [('task', '')]
    head += [(escape(name), '') for name in names]
    head += [('best constant', 'n')]
    rows = []
    for number, task in enumerate(tasks(results)):
        here = {r.encoder: r for r in of_task(results, task)}
        first = next(iter(here.values()))
        metric = f'<small class="soft">{escape(first.metric)}</small>'
        # The page's program makes the name a button that chooses the task.
        name = f'<span data-task="{number}">{escape(task)}</span><br>{metric}'
        cells: list[Cell] = [(name, '')]
        best = _best(list(here.values()))
        cells += [(_brief(here.get(name), best), '') for name in names]
        cells.append((_constants(list(here.values())), 'n'))
        rows.append(('', cells))
    note = (
        '<p class="small soft">Bold: the highest score of a task, models only, if it exceeds the '
        'best constant answer; intervals that overlap do not tell two encoders apart. Below each '
        'score its interval and the source that validation selected.</p>'
    )
    return table(head, rows, 'Scores of every encoder on every task') + note


def _best(rows: Sequence[Result]) -> Result | None:
    models = [r for r in rows if not r.control and r.data['main_score']['value'] is not None]
    best = max(models, key=lambda r: r.data['main_score']['value'], default=None)
    worth = best is not None and not best.data['main_score']['at_constant_level']
    return best if len(models) > 1 and worth else None


_GRAVE = ('constant level', 'near constant', 'limited', 'same audio')  # Shown beside every score.


def _brief(r: Result | None, best: Result | None) -> str:
    if r is None:
        return text.NOTHING
    main, selected = r.data['main_score'], r.data['selected'] or {}
    value = text.number(main['value'])
    value = f'<b>{value}</b>' if r is best else value
    marks = [w for w in _warnings(r) if w[0] in _GRAVE]
    return (
        f'{value} <span class="ci">{text.interval(main["ci95"])}</span><br>'
        f'<small class="soft">{escape(selected.get("source", text.NOTHING))}</small> {tags(marks)}'
    )


def _constants(rows: Sequence[Result]) -> str:
    return ' / '.join(dict.fromkeys(text.number(r.constant) for r in rows))


def task_line(rows: Sequence[Result]) -> str:
    """Says in a sentence what a task is and what constants earn; HTML."""
    return '<br>'.join(escape(line) for line in task_lines(rows))


def task_lines(rows: Sequence[Result]) -> list[str]:
    """The lines of `task_line` as plain text."""
    task = rows[0].data['task']
    outputs = len(task['labels'])
    kind = {
        'multiclass': f'one of {outputs} classes',
        'multilabel': f'{outputs} tags',
        'regression': f'{outputs} numbers' if outputs > 1 else 'one number',
        'key': '24 keys',
        'beats': 'beats and downbeats (constants are metronomes)',
        'frames': f'one of {outputs} classes for every frame',
    }.get(task['kind'], task['kind'])
    title = task.get('title') or task['name']
    return [f'{title}: {kind}, scored by {rows[0].metric}.', *tables.levels(rows)]


_HEAD: list[Cell] = [
    ('encoder', ''),
    ('score', 'n'),
    ('95 % interval', ''),
    ('seed sd', 'n'),
    ('source', ''),
    ('rate', 'n'),
    ('valid', 'n'),
    ('weighted sum', 'n'),
    ('best layer', ''),
    ('sum − layer', ''),
    ('oracle', 'n'),
    ('regret', 'n'),
]


def task_table(rows: Sequence[Result]) -> str:
    """Every encoder on one task, with the other metrics of the selected cell below."""
    name = f'Scores on {rows[0].task}'
    main = table(_HEAD, [('control' if r.control else '', _cells(r)) for r in rows], name)
    others = [m for m in rows[0].data['task']['metrics'] if m != rows[0].metric]
    return main + (_others(rows, others) if others else '')


def _cells(r: Result) -> list[Cell]:
    main, data = r.data['main_score'], r.data
    selected, oracle = data['selected'] or {}, data['oracle_test'] or {}
    layer, mix = data['best_layer'] or {}, data['mix'] or {}
    return [
        (escape(r.encoder), ''),
        (f'<b>{text.number(main["value"])}</b>', 'n'),
        (text.interval(main['ci95']), ''),
        (text.number(main['seed_std']), 'n'),
        (escape(selected.get('source', text.NOTHING)), ''),
        (text.rate(selected.get('learning_rate')), 'n'),
        (text.number(selected.get('valid')), 'n'),
        (text.number(mix.get('test')), 'n'),
        (_named(layer), ''),
        (_gap(data['mix_minus_best_layer']), ''),
        (_named(oracle), ''),
        (text.number(data['regret']), 'n'),
    ]


def _named(row: dict) -> str:
    if not row:
        return text.NOTHING
    return f'{text.number(row["test"])} <span class="ci">{escape(row["source"])}</span>'


def _gap(gap: dict | None) -> str:
    if gap is None:
        return text.NOTHING
    return f'{text.signed(gap["value"])} <span class="ci">{text.interval(gap["ci95"])}</span>'


def _others(rows: Sequence[Result], metrics: Sequence[str]) -> str:
    head: list[Cell] = [('also', ''), *((escape(m), '') for m in metrics)]
    body = []
    for r in rows:
        found = [r.data['metrics'].get(m, {'value': None, 'ci95': None}) for m in metrics]
        cells: list[Cell] = [(escape(r.encoder), '')]
        cells += [
            (f'{text.number(f["value"])} <span class="ci">{text.interval(f["ci95"])}</span>', '')
            for f in found
        ]
        body.append(('control' if r.control else '', cells))
    constant = [text.number(rows[0].data['best_constant'].get(m)) for m in metrics]
    body.append(('level', [('best constant', ''), *((c, '') for c in constant)]))
    return table(head, body, f'Other metrics on {rows[0].task}')


def _warnings(r: Result) -> list[tuple[str, str]]:
    return [(w['code'], w['text']) for w in r.data['warnings']]


def remarks(rows: Sequence[Result]) -> str:
    """The warnings of a task in full, for readers without a pointer to rest on a label."""
    said: dict[tuple[str, str], list[str]] = {}
    for r in rows:
        for warning in _warnings(r):
            said.setdefault(warning, []).append(r.encoder)
    if not said:
        return ''
    lines = [
        f'<li>{tags([warning])} {escape(", ".join(who))}: {escape(warning[1])}</li>'
        for warning, who in said.items()
    ]
    return f'<ul class="small soft">{"".join(lines)}</ul>'
