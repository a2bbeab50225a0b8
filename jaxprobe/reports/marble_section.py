"""The page's part on MARBLE: the summary of the track, what was skipped, and what tasks cost."""

from collections.abc import Sequence

from jaxprobe.reports import marble
from jaxprobe.reports.markup import Cell, details, escape, pairs, table
from jaxprobe.reports.read import Result


def section(results: Sequence[Result]) -> str:
    """The constrained track, where there is any of it; tasks that were skipped; costs."""
    parts = []
    if marble.summaries(results):
        parts += ['<h2 id="marble">MARBLE</h2>', _summary(results)]
    skipped = marble.skipped(sorted({r.workdir for r in results}))
    if skipped:
        entries = [(task, f'needs {escape(need)}') for task, need in sorted(skipped.items())]
        parts.append(
            details(f'Skipped: {len(skipped)} whose data or weights are not here', pairs(entries))
        )
    return '\n'.join([*parts, details('Cost on this machine', _costs(results))])


def _summary(results: Sequence[Result]) -> str:
    found = marble.summaries(results)
    head: list[Cell] = [('task', ''), *((escape(marble.name(one)), 'n') for one in found)]
    rows = []
    for task, metrics in marble.TRACK.items():
        said = f'{escape(task)}<br><small class="soft">{escape(", ".join(metrics))}</small>'
        rows.append(('', [(said, ''), *((marble.scores(one, task), 'n') for one in found)]))
    rows.append(('level', [('average', ''), *((escape(marble.average(o)), 'n') for o in found)]))
    note = f'<p class="small soft">{escape(marble.NOTE)}</p>'
    return table(head, rows, 'The constrained track of MARBLE') + note


def _costs(results: Sequence[Result]) -> str:
    head: list[Cell] = [('encoder and task', '')]
    head += [(name, 'n') for name in ('extraction, s', 'probing, s', 'share of a week')]
    head += [('this machine', '')]
    rows = []
    for row in marble.cost_rows(results):
        share = row['share_of_a_week']
        cells: list[Cell] = [(escape(f'{row["encoder"]}, {row["task"]}'), '')]
        cells += [
            (_seconds(row['extraction_seconds']), 'n'),
            (_seconds(row['probing_seconds']), 'n'),
            ('-' if share is None else f'{100 * share:.3g} %', 'n'),
            (escape(f'{row["host"]} {row["device"]}'), ''),
        ]
        rows.append(('', cells))
    note = (
        '<p class="small soft">Wall seconds on the machine named, not on an RTX 3090. MARBLE '
        'grants a task one week on one RTX 3090; the share is of that week, for tasks of its '
        'track. Extraction is counted at the pace measured, for all windows of a task, though '
        'tasks may share them; - where another run had encoded the audio.</p>'
    )
    return table(head, rows, 'Cost of every task') + note


def _seconds(value: float | None) -> str:
    return '-' if value is None else f'{value:.0f}' if value >= 10 else f'{value:.1f}'
