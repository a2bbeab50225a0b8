r"""Tables for papers: booktabs, every score with its interval, ready for `\input`.

`latex/scores.tex` has a row per task and a column per encoder; `latex/layers-<encoder>.tex` a row
per source; `latex/published.tex` papers' numbers beside ours; `latex/preview.tex` is a document of
all of them. Scores are in percent, decibels stay decibels. Bold: the best of the models on the test
items (scores), or what validation selects (layers). A dagger: not significantly worse than the
best, where the comparisons of the run say so (paired, clustered, Holm-corrected).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxprobe.reports import across
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks

FOLDER = 'latex'
DAGGER = r'\textsuperscript{\textdagger}'

_SPECIAL = {
    '\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_',
    '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}',
    '<': r'\textless{}', '>': r'\textgreater{}', '|': r'\textbar{}', '\n': ' ',
    '[': '{[}', ']': '{]}',
}  # fmt: skip


def files(results: Sequence[Result]) -> dict[str, str]:
    """Every LaTeX file of a report, by name."""
    found = {'scores': scores(results)}
    for encoder in encoders(results):
        found[_free(f'layers-{_slug(encoder)}', found)] = layers(of_encoder(results, encoder))
    beside = published(results)
    if beside:
        found['published'] = beside
    written = {f'{FOLDER}/{name}.tex': text for name, text in found.items()}
    return written | {f'{FOLDER}/preview.tex': _preview(list(found))}


def scores(results: Sequence[Result]) -> str:
    """A row per task, a column per encoder, the best constant answer last."""
    names = encoders(results)
    head = ['task', *(_encoder(name, results) for name in names), 'constant']
    rows = []
    for task in tasks(results):
        here = {r.encoder: r for r in of_task(results, task)}
        first = next(iter(here.values()))
        best, level = _best(list(here.values())), _level(results, task)
        cells = [f'{escape(task)} ({escape(first.metric)})']
        cells += [_score(here.get(name), best, level) for name in names]
        cells.append(_number(first.constant, first))
        rows.append(cells)
    said = ['Scores of the selected cells with 95 % intervals, clustered where items have groups.']
    said += ['Bold: the best model. Dagger: not significantly worse than the first of the ranking.']
    return _tabular(head, rows, 'l' + 'c' * len(names) + 'r', said)


def layers(results: Sequence[Result]) -> str:
    """A row per source of one encoder, a column per task, at the rate validation selects."""
    names = list(dict.fromkeys(row['source'] for r in results for row in r.data['layers']))
    head = ['source', *(f'{escape(r.task)} ({escape(r.metric)})' for r in results)]
    rows = []
    for name in names:
        cells = [escape(name)]
        for r in results:
            row = next((row for row in r.data['layers'] if row['source'] == name), {})
            chosen = (r.data['selected'] or {}).get('source') == name
            good = (r.data.get('comparisons') or {}).get('as_good_as_best') or []
            mark = DAGGER if name in good and not chosen else ''
            cells.append(_cell(row.get('test'), row.get('ci95'), r, bold=chosen, mark=mark))
        rows.append(cells)
    said = [f'{results[0].encoder}: every source at the learning rate that validation selects.']
    said += ['Bold: the selected source. Dagger: not significantly worse than the best layer.']
    return _tabular(head, rows, 'l' + 'c' * len(results), said)


def published(results: Sequence[Result]) -> str:
    """Papers' numbers beside ours, footnotes as comments; '' where there are none."""
    rows, notes = [], []
    for r in results:
        for one in r.data.get('published') or []:
            numbers = [_number(one[key], r) for key in ('published', 'ours', 'difference')]
            inside = {True: 'yes', False: 'no', None: '--'}[one['inside']]
            said = f'{one["paper"]}, {one["table"]}, {one["variant"]}'
            task = f'{r.task} ({one["metric"]})'
            rows.append(
                [*map(escape, (r.encoder, task, said, one['source'])), *numbers,
                 _interval(one['ci95'], r), inside]
            )  # fmt: skip
            notes += [note for note in one['footnotes'] if note not in notes]
    head = ['encoder', 'task', 'paper', 'our source', 'theirs', 'ours', 'difference']
    head += ['our 95\\,\\% interval', 'inside']
    said = ["Papers' numbers beside ours. What must be said of them:", *(f'- {n}' for n in notes)]
    return _tabular(head, rows, 'llllrrrcc', said) if rows else ''


def escape(text: str) -> str:
    r"""Makes a text safe in LaTeX.

    >>> escape('a_b & 5 %')
    'a\\_b \\& 5 \\%'
    """
    return ''.join(_SPECIAL.get(character, character) for character in text)


def _tabular(
    head: Sequence[str], rows: Sequence[Sequence[str]], columns: str, said: Sequence[str]
) -> str:
    comments = [f'% {line}'.replace('\n', ' ') for line in said]
    lines = [*comments, '% Needs \\usepackage{booktabs}.']
    lines += [f'\\begin{{tabular}}{{{columns}}}', '\\toprule', f'{" & ".join(head)} \\\\']
    lines += ['\\midrule', *(f'{" & ".join(row)} \\\\' for row in rows), '\\bottomrule']
    return '\n'.join([*lines, '\\end{tabular}', ''])


def _score(r: Result | None, best: float | None, level: set[str]) -> str:
    if r is None:
        return '--'
    main = r.data['main_score']
    bold = best is not None and main['value'] == best and not (r.control or r.limited)
    mark = DAGGER if r.encoder in level and not bold else ''
    return _cell(main['value'], main['ci95'], r, bold=bold, mark=mark)


def _cell(
    value: float | None, ci95: list[float] | None, r: Result, *, bold: bool, mark: str
) -> str:
    if value is None:
        return '--'
    shown = f'\\textbf{{{_number(value, r)}}}' if bold else _number(value, r)
    around = f' {{\\scriptsize {_interval(ci95, r)}}}' if ci95 else ''
    return f'{shown}{mark}{around}'


def _number(value: float | None, r: Result) -> str:
    if value is None:
        return '--'
    text = f'{value * _scale(r):.1f}' if _scale(r) > 1 else f'{value:.2f}'
    return text.replace('-', '$-$') if float(text) else text.lstrip('-')


def _interval(ci95: list[float] | None, r: Result) -> str:
    return '--' if ci95 is None else f'[{_number(ci95[0], r)}, {_number(ci95[1], r)}]'


def _scale(r: Result) -> float:
    """Percent of shares; decibels as they are."""
    return 1.0 if r.data['task'].get('kind') == 'separation' else 100.0


def _encoder(name: str, results: Sequence[Result]) -> str:
    own = of_encoder(results, name)
    remarks = ['random weights'] if own[0].control else []
    remarks += ['trial'] if any(r.limited for r in own) else []
    return escape(name) + (f' \\emph{{({", ".join(remarks)})}}' if remarks else '')


def _best(here: Sequence[Result]) -> float | None:
    """The best score of a model on all of the data."""
    values = [r.data['main_score']['value'] for r in here if not (r.control or r.limited)]
    return max((v for v in values if v is not None), default=None)


def _level(results: Sequence[Result], task: str) -> set[str]:
    """Encoders that are not significantly worse than the first of the ranking."""
    for entry in across.comparisons(results):
        compared: Mapping[str, Any] = entry['tasks'].get(task) or {}
        ranking = compared.get('ranking') or []
        if ranking:
            pairs = [p for p in compared['pairs'] if ranking[0] in (p['a'], p['b'])]
            far = {n for p in pairs if p['significant'] for n in (p['a'], p['b'])}
            near = {n for p in pairs if not p['significant'] for n in (p['a'], p['b'])}
            return (near - far) | ({ranking[0]} if near else set())
    return set()


def _preview(names: Sequence[str]) -> str:
    inputs = [f'\\section*{{{escape(name)}}}\n\\input{{{name}}}' for name in names]
    return '\n'.join(
        [
            '\\documentclass{article}',
            '\\usepackage[utf8]{inputenc}\n\\usepackage[T1]{fontenc}\n\\usepackage{textcomp}',
            '\\usepackage{booktabs}\n\\usepackage[a2paper,landscape,margin=1cm]{geometry}',
            '\\setlength{\\parindent}{0pt}',
            '\\begin{document}',
            *inputs,
            '\\end{document}',
            '',
        ]
    )


def _slug(name: str) -> str:
    return re.sub(r'[^A-Za-z0-9.-]+', '-', name).strip('-.')[:60] or 'encoder'


def _free(name: str, taken: Mapping[str, str]) -> str:
    number = 2
    while name in taken:
        name, number = f'{name.rstrip("0123456789").rstrip("-")}-{number}', number + 1
    return name
