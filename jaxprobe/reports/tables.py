"""Tables: CSV for programs, Markdown for papers, plain text for the end of a run.

Every table is a pure function of the result files, so that `jaxprobe verify` rebuilds and
compares them. CSV carries all nine digits; the others round to three decimals.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from jaxprobe.reports import marble, text
from jaxprobe.reports.read import Result, of_task, tasks

WIDTH = 100  # Of the console table, in columns.

Row = dict[str, Any]


NAMES = ('scores.csv', 'metrics.csv', 'labels.csv', 'layers.csv', 'rates.csv', 'scores.md')


def files(results: Sequence[Result]) -> dict[str, str]:
    """Every table of a report, by file name."""
    contents = (
        to_csv([score_row(r) for r in results]),
        to_csv([row for r in results for row in metric_rows(r)]),
        to_csv([row for r in results for row in label_rows(r)]),
        to_csv([row for r in results for row in layer_rows(r)]),
        to_csv([row for r in results for row in rate_rows(r)]),
        markdown(results),
    )
    found: dict[str, str] = dict(zip(NAMES, contents, strict=True))
    if marble.summaries(results):
        found |= {'marble.csv': to_csv(marble.rows(results)), 'marble.md': marble.markdown(results)}
    return found


def to_csv(rows: Sequence[Row]) -> str:
    """Writes rows that share their keys; None is an empty field."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]) if rows else [], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def score_row(r: Result) -> Row:
    """One line of `scores.csv`: the selected cell, what stands beside it, what weakens it."""
    main, data = r.data['main_score'], r.data
    selected, oracle = data['selected'] or {}, data['oracle_test'] or {}
    layer, mix = data['best_layer'] or {}, data['mix'] or {}
    return {
        'encoder': r.encoder,
        'task': r.task,
        'metric': r.metric,
        'score': main['value'],
        'ci95_low': _bound(main['ci95'], 0),
        'ci95_high': _bound(main['ci95'], 1),
        'seeds': main['n_seeds'],
        'seed_std': main['seed_std'],
        'source': selected.get('source'),
        'learning_rate': selected.get('learning_rate'),
        'selected_by': selected.get('by'),
        'valid': selected.get('valid'),
        'mix': mix.get('test'),
        'best_layer': layer.get('source'),
        'best_layer_score': layer.get('test'),
        'oracle': oracle.get('test'),
        'oracle_source': oracle.get('source'),
        'oracle_learning_rate': oracle.get('learning_rate'),
        'regret': data['regret'],
        'majority': r.majority,
        'best_constant': r.constant,
        'n_train': data['n']['train'],
        'n_valid': data['n']['valid'],
        'n_test': data['n']['test'],
        'missing': missing(r),
        'random_weights': int(r.control),
        'limit': data.get('limit') or '',
        'warnings': '; '.join(codes(r)),
        'fingerprint': data['fingerprint'],
    }


def metric_rows(r: Result) -> list[Row]:
    """Lines of `metrics.csv`: every metric of the selected cell beside the constants."""
    return [
        {
            'encoder': r.encoder,
            'task': r.task,
            'metric': metric,
            'primary': int(metric == r.metric),
            'score': found['value'],
            'ci95_low': _bound(found['ci95'], 0),
            'ci95_high': _bound(found['ci95'], 1),
            'seed_std': found['seed_std'],
            'majority': r.data['majority'].get(metric),
            'best_constant': r.data['best_constant'].get(metric),
        }
        for metric, found in _in_order(r)
    ]


def label_rows(r: Result) -> list[Row]:
    """Lines of `labels.csv`: what the selected cell earns on each label, score by score."""
    found = dict(r.data.get('per_label') or {})
    labels = found.pop('labels', [])
    return [
        {'encoder': r.encoder, 'task': r.task, 'label': label, 'metric': metric, 'score': value}
        for k, label in enumerate(labels)
        for metric, value in ((name, values[k]) for name, values in found.items())
    ]


def _in_order(r: Result) -> list[tuple[str, Row]]:
    names = [name for name in r.data['task']['metrics'] if name in r.data['metrics']]
    return [(name, r.data['metrics'][name]) for name in names]


def layer_rows(r: Result) -> list[Row]:
    """Lines of `layers.csv`: every source at the rate validation selects for it."""
    weights = {}
    for learned in r.data['layer_weights']:
        weights |= dict(zip(learned['layers'], learned['weights'], strict=True))
    chosen = (r.data['selected'] or {}).get('source')
    return [
        {
            'encoder': r.encoder,
            'task': r.task,
            'metric': r.metric,
            'source': row['source'],
            'reads': row['meaning'],
            'learning_rate': row['learning_rate'],
            'valid': row['valid'],
            'test': row['test'],
            'seed_std': row['test_seed_std'],
            'ci95_low': _bound(row['ci95'], 0),
            'ci95_high': _bound(row['ci95'], 1),
            'selected': int(row['source'] == chosen),
            'weight_in_mix': None if len(row['layers']) > 1 else weights.get(row['meaning']),
        }
        for row in r.data['layers']
    ]


def rate_rows(r: Result) -> list[Row]:
    """Lines of `rates.csv`: seed means of every (source, learning rate)."""
    rates = r.data['rates']
    return [
        {
            'encoder': r.encoder,
            'task': r.task,
            'source': source,
            'learning_rate': rate,
            'valid': rates['valid'][s][k],
            'test': rates['test'][s][k],
        }
        for s, source in enumerate(rates['sources'])
        for k, rate in enumerate(rates['learning_rates'])
    ]


def missing(r: Result) -> int:
    """Items that could not be read."""
    return sum(len(ids) for ids in r.data.get('missing', {}).values())


def audit_line(r: Result) -> str:
    """What the split audit of a result found, in words."""
    found = r.data.get('audit')
    if found is None:
        return 'not audited: this result is older than the audit'
    said = [f'{found["same_audio_across_splits"]} items repeat audio of an earlier split']
    said += found['examples']
    if found['unhashed']:
        said.append(f'{found["unhashed"]} files whose samples were not compared')
    said += [f'{n} groups in both {pair}' for pair, n in found['groups_across_splits'].items()]
    said.append(f'{found["duplicate_ids"]} ids used twice')
    for what, where in (
        ('without an example', 'labels_without_positive'),
        ('with one value', 'constant_targets'),
    ):
        said += [f'{len(v)} labels {what} in {split}' for split, v in found[where].items()]
    if found['untrained_labels']:
        said.append(f'{len(found["untrained_labels"])} labels of the test without training')
    return '; '.join(said)


def codes(r: Result) -> list[str]:
    """Short names of everything that weakens the score."""
    return [warning['code'] for warning in r.data['warnings']]


def _bound(ci95: list[float] | None, side: int) -> float | None:
    return None if ci95 is None else ci95[side]


def markdown(results: Sequence[Result]) -> str:
    """Writes `scores.md`: one table per task."""
    return '\n'.join(_markdown_task(of_task(results, task)) for task in tasks(results))


def _markdown_task(rows: list[Result]) -> str:
    head = (
        'encoder | source | rate | score | 95 % interval | seed sd | mix | best layer | oracle | '
        'regret | notes'
    )
    lines = [f'## {escape(rows[0].task)} ({rows[0].metric})', '', f'| {head} |']
    lines.append('|' + '---|' * len(head.split('|')))
    lines += ['| ' + ' | '.join(escape(cell) for cell in _markdown_cells(r)) + ' |' for r in rows]
    return '\n'.join([*lines, '', *(f'- {escape(line)}' for line in levels(rows)), ''])


def _markdown_cells(r: Result) -> list[str]:
    main, data = r.data['main_score'], r.data
    selected, layer = data['selected'] or {}, data['best_layer'] or {}
    return [
        r.encoder + (' (random weights)' if r.control else ''),
        selected.get('source') or text.NOTHING,
        text.rate(selected.get('learning_rate')),
        text.number(main['value']),
        text.interval(main['ci95']),
        text.number(main['seed_std']),
        text.number((data['mix'] or {}).get('test')),
        f'{layer["source"]} {text.number(layer["test"])}' if layer else text.NOTHING,
        text.number((data['oracle_test'] or {}).get('test')),
        text.number(data['regret']),
        ', '.join(codes(r)),
    ]


def levels(rows: Sequence[Result]) -> list[str]:
    """The constants and the items of a task; once, or per encoder where they differ."""
    lines: dict[str, list[str]] = {}
    for r in rows:
        lines.setdefault(level_line(r), []).append(r.encoder)
    if len(lines) == 1:
        return list(lines)
    return [f'{", ".join(who)}: {line}' for line, who in lines.items()]


def level_line(r: Result) -> str:
    """Says what constant answers earn, and on how many items."""
    n = r.data['n']
    fitted, best = text.constants(r.data['task']['kind'])
    return (
        f'{fitted.capitalize()} {text.number(r.majority)}, {best} {text.number(r.constant)}. '
        f'Items {n["train"]} / {n["valid"]} / {n["test"]}, missing {missing(r)}.'
    )


def escape(cell: str) -> str:
    """Makes a text safe inside a Markdown table."""
    return cell.replace('\\', '\\\\').replace('|', '\\|').replace('\n', ' ')


_CONSOLE = (('encoder', 22), ('score', 7), ('95 % interval', 16), ('seed sd', 7), ('source', 14))
_CONSOLE += (('rate', 5), ('mix', 7), ('regret', 7))
_NUMBERS = ('score', 'seed sd', 'mix', 'regret')


def console(results: Sequence[Result]) -> str:
    """Writes the table printed at the end of a run: plain text, at most 100 columns."""
    return '\n'.join(_console_task(of_task(results, task)) for task in tasks(results))


def _console_task(rows: list[Result]) -> str:
    title = f'{text.shorten(rows[0].task, 60)} ({rows[0].metric})'
    lines = [text.shorten(title, WIDTH), _console_line([name for name, _ in _CONSOLE])]
    lines += [_console_line(_console_cells(r)) for r in rows]
    notes = [f'{r.encoder}: {", ".join(codes(r))}' for r in rows if codes(r)]
    below = [*levels(rows), *notes]
    lines += [line for entry in below for line in text.wrap(entry, WIDTH, indent='  ')]
    return '\n'.join([*lines, ''])


def _console_cells(r: Result) -> list[str]:
    main, selected = r.data['main_score'], r.data['selected'] or {}
    return [
        r.encoder,
        text.number(main['value']),
        text.interval(main['ci95']),
        text.number(main['seed_std']),
        selected.get('source') or text.NOTHING,
        text.rate(selected.get('learning_rate')),
        text.number((r.data['mix'] or {}).get('test')),
        text.number(r.data['regret']),
    ]


def _console_line(values: list[str]) -> str:
    parts = [
        text.pad(value, width, right=name in _NUMBERS)
        for value, (name, width) in zip(values, _CONSOLE, strict=True)
    ]
    return ('  ' + ' '.join(parts)).rstrip()
