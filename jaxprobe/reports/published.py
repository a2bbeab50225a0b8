"""Papers' numbers beside ours: `published.csv`, and `published.md` with what must be said of them.

The result files hold what was compared (section `published`); what could not be, and why, follows
from the same tables. MARBLE's average is set beside that of a run which has the whole track.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from jaxprobe.literature import match, table
from jaxprobe.reports import marble, text
from jaxprobe.reports.read import Result
from jaxprobe.reports.tables import to_csv

Row = dict[str, Any]


def rows(results: Sequence[Result]) -> list[Row]:
    """Lines of `published.csv`."""
    found = [
        {
            'encoder': r.encoder,
            'task': r.task,
            'metric': one['metric'],
            'source': one['source'],
            'paper': one['paper'],
            'table': one['table'],
            'their_encoder': one['encoder'],
            'variant': one['variant'],
            'published': one['published'],
            'ours': one['ours'],
            'difference': one['difference'],
            'ci95_low': one['ci95'][0] if one['ci95'] else None,
            'ci95_high': one['ci95'][1] if one['ci95'] else None,
            'inside': None if one['inside'] is None else int(one['inside']),
            'footnotes': ' | '.join(one['footnotes']),
        }
        for r in results
        for one in r.data.get('published') or []
    ]
    return [*found, *averages(results)]


def averages(results: Sequence[Result]) -> list[Row]:
    """MARBLE's average over its track, for encoders that have all of it."""
    found = []
    for one in marble.summaries(results):
        if one.average is None or one.remark or len(one.tasks) < len(marble.TRACK):
            continue
        name = next(r.data['encoder']['name'] for r in results if r.encoder == one.encoder)
        for row in table.rows():
            if row.task == 'average' and match.encoder(row) == name:
                found.append(
                    {
                        'encoder': one.encoder,
                        'task': 'average',
                        'metric': 'mean over the track, percent and dB',
                        'source': '',
                        'paper': table.papers()[row.paper].short,
                        'table': row.table,
                        'their_encoder': row.encoder,
                        'variant': row.variant,
                        'published': row.value,
                        'ours': one.average,
                        'difference': one.average - row.value,
                        'ci95_low': None,
                        'ci95_high': None,
                        'inside': None,
                        'footnotes': '',
                    }
                )
    return found


def left_out(results: Sequence[Result]) -> list[tuple[str, str, str, str, int]]:
    """(encoder, task, paper, why, how many) of the printed numbers that were not compared."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for r in results:
        data = r.data
        sources = [row | {'name': row['source']} for row in data['layers']]
        heads = {str(row['head']).lower() for row in (data.get('heads') or {}).get('rows', [])}
        asked = (data['encoder'], data['task'], data.get('protocol', {}), sources)
        trial = (
            'random weights' if r.control else 'a trial on part of the data' if r.limited else ''
        )
        for pair in match.pairs(*asked, heads):
            why = trial or pair.why_not
            if why:
                found[r.encoder, r.task, table.papers()[pair.row.paper].short, why] += 1
    return [(*key, count) for key, count in found.items()]


def markdown(results: Sequence[Result]) -> str:
    """`published.md`: the comparison, its footnotes, and what was left out."""
    notes: dict[str, int] = {}
    head = 'encoder | task | paper | our source | published | ours | 95 % interval | difference | '
    lines = [f'| {head}inside | notes |', '|' + '---|' * 10]
    for one in rows(results):
        own = [note for note in one['footnotes'].split(' | ') if note]
        marks = [str(notes.setdefault(note, len(notes) + 1)) for note in own]
        low, high = one['ci95_low'], one['ci95_high']
        cells = [
            one['encoder'],
            f'{one["task"]} ({one["metric"]})',
            f'{one["paper"]}, {one["table"]}, {one["their_encoder"]}, {one["variant"]}',
            one['source'],
            text.number(one['published']),
            text.number(one['ours']),
            text.interval(None if low is None else [low, high]),
            text.signed(one['difference']),
            {1: 'yes', 0: '**no**', None: text.NOTHING}[one['inside']],
            ', '.join(marks),
        ]
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    said = [f'{number}. {note}' for note, number in notes.items()]
    missing = [
        f'- {encoder}, {task}: {count} numbers of {paper}: {why}'
        for encoder, task, paper, why, count in left_out(results)
    ]
    parts = ['# Published beside ours', *lines, '', *said]
    return '\n'.join([*parts, '', '## Not compared', '', *missing, ''] if missing else [*parts, ''])


def files(results: Sequence[Result]) -> dict[str, str]:
    """Both files, where a paper has printed something of these encoders and tasks."""
    found = rows(results)
    if not found and not left_out(results):
        return {}
    names = {'published.md': markdown(results)}
    return names | {'published.csv': to_csv(found)} if found else names
