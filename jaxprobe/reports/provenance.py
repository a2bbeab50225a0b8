"""Where the numbers come from: models, data, settings, hashes; how to check and to cite them."""

from collections.abc import Sequence
from typing import Any

from jaxprobe.reports import exports, tables
from jaxprobe.reports.markup import details, escape, link, pairs, table
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks

_HASHES = ('bank', 'store', 'config', 'record')
SHOWN = 20  # Missing and excluded items listed by name.


def section(results: Sequence[Result]) -> str:
    """Cards of the encoders and the data, then what identifies every run."""
    cards = [_encoder(of_encoder(results, name)[0]) for name in encoders(results)]
    data = [_data(of_task(results, name)) for name in tasks(results)]
    return '\n'.join([*cards, *data, _runs(results)])


def _encoder(r: Result) -> str:
    card = r.data['encoder']
    layers = ', '.join(f'{layer["name"]} ({layer["width"]})' for layer in card['layers'])
    entries = [
        ('model', escape(card.get('title', ''))),
        ('weights', 'random: a control' if r.control else ''),
        ('homepage', link(card.get('homepage', ''), card.get('homepage', ''))),
        ('licence of the code', escape(card.get('code_licence', ''))),
        ('licence of the weights', escape(card.get('weights_licence', ''))),
        ('trained on', escape(card.get('training_data', ''))),
        ('compute dtype', escape(card.get('dtype', ''))),
        ('layers (width)', escape(layers)),
        ('sha256 of the weights', _code(card.get('weights_sha256', ''))),
    ]
    return details(f'Encoder {r.encoder}', pairs(entries))


def _data(rows: Sequence[Result]) -> str:
    r = rows[0]
    card, n = r.data['task'], r.data['n']
    entries = [
        ('data', escape(card.get('title', ''))),
        ('homepage', link(card.get('homepage', ''), card.get('homepage', ''))),
        ('licence', escape(card.get('licence', ''))),
        ('splits', escape(card.get('split_source', ''))),
        ('items', escape(f'train {n["train"]}, valid {n["valid"]}, test {n["test"]}')),
        ('missing', _listed(_missing(rows))),
        ('excluded', _listed({k: str(v) for k, v in r.data.get('excluded', {}).items()})),
        ('split audit', _audit(rows)),
        ('notes', '<br>'.join(escape(note) for note in r.data.get('notes', []))),
        ('options', escape(_options(card.get('options', {})))),
        ('training', escape(_options(r.data.get('protocol', {})))),
        ('sha256 of the split', _code(r.data.get('split_sha256', ''))),
    ]
    return details(f'Task {r.task}', pairs(entries))


def _audit(rows: Sequence[Result]) -> str:
    """Faults of the split in words; encoders that read other items may have others."""
    said: dict[str, list[str]] = {}
    for r in rows:
        said.setdefault(tables.audit_line(r), []).append(r.encoder)
    if len(said) == 1:
        return escape(*said)
    return '<br>'.join(f'{escape(", ".join(who))}: {escape(line)}' for line, who in said.items())


def _windows(r: Result) -> str:
    rows = r.data.get('rows') or {}
    return ' / '.join(str(rows[split]) for split in ('train', 'valid', 'test') if split in rows)


def _missing(rows: Sequence[Result]) -> dict[str, str]:
    """Unreadable items; they may differ between encoders, as minimal lengths do."""
    found: dict[str, str] = {}
    for r in rows:
        for split, ids in r.data.get('missing', {}).items():
            for item in ids:
                key = f'{item} ({split})'
                found[key] = f'{found[key]}, {r.encoder}' if key in found else r.encoder
    return found


def _listed(items: dict[str, str]) -> str:
    if not items:
        return 'none'
    shown = [f'{escape(k)}: {escape(v)}' for k, v in list(items.items())[:SHOWN]]
    more = f'<br>and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return f'{len(items)}<br>' + '<br>'.join(shown) + more


def _options(options: dict[str, Any]) -> str:
    return ', '.join(f'{key} {value}' for key, value in sorted(options.items()))


def _code(value: str) -> str:
    return f'<code>{escape(value)}</code>' if value else ''


def _runs(results: Sequence[Result]) -> str:
    head = ['encoder and task', 'windows', 'cells', 'diverged', 'limit', *_HASHES]
    rows = [
        (
            '',
            [
                (escape(f'{r.encoder}, {r.task}'), ''),
                (escape(_windows(r)), ''),
                (str(r.data['n_cells']), 'n'),
                (str(len(r.data['diverged'])), 'n'),
                (str(r.data.get('limit') or ''), 'n'),
                (_code(str(r.data['fingerprint'])[:12]), ''),
                (_code(r.data.get('store', {}).get('dir', '')), ''),
                (_code(str(r.data.get('config_sha256', ''))[:12]), ''),
                (_code(str(r.data.get('record_sha256', ''))[:12]), ''),
            ],
        )
        for r in results
    ]
    numeric = ('cells', 'diverged', 'limit')
    body = table([(h, 'n' if h in numeric else '') for h in head], rows, 'Fingerprints')
    return details('Fingerprints of every run', body)


def check(results: Sequence[Result], commands: Sequence[str]) -> str:
    """How to check the numbers, what lies beside this page, whom to cite."""
    cited: dict[str, list[str]] = {}
    for r in results:
        for what, name in ((r.data['encoder'], r.encoder), (r.data['task'], r.task)):
            citation = what.get('citation', '')
            if citation and name not in cited.setdefault(citation, []):
                cited[citation].append(name)
    works = [f'<li>{escape(", ".join(who))}: {escape(text)}</li>' for text, who in cited.items()]
    tops = (name.partition('/') for name in exports.files(results))
    names = [*dict.fromkeys(head + slash for head, slash, _ in tops), 'cost.csv']
    files = ', '.join(f'<a href="{name}">{name}</a>' for name in names)
    shown = escape('\n'.join(commands))
    return (
        '<p>The logits of every cell lie in the working directory. This recomputes every number '
        f'here from them, and exits with an error on any difference:</p><pre>{shown}</pre>'
        f'<p>Beside this file: {files}, and every figure as PNG and SVG in '
        '<a href="figures/">figures/</a>.</p>'
        f'<p>Models and data to cite:</p><ul>{"".join(works)}</ul>'
    )
