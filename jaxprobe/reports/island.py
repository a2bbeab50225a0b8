"""The data that the page's figures are drawn from: JSON inside the page, small and safe there.

Numbers keep six digits (figures show three), equal records become keys and rows, points of a
projection become bytes, and a confusion matrix its cells that are not zero. The result files hold
everything in full.
"""

import base64
import json
import math
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core.errors import StoreError
from jaxprobe.reports import across, scores, sounds, style, text
from jaxprobe.reports.read import Result, encoders, of_encoder, of_task, tasks

Heard = dict[tuple[Path, str], dict[str, str]]  # (workdir, task) -> item -> address of its sound.

POINTS = 250  # Of a projection, per layer: more would only cover each other.

_PLAIN = {str, int, float, bool, type(None)}

# What the page draws, as result files have it; the rest is left out.
_KEPT = (
    'main_score',
    'metrics',
    'majority',
    'best_constant',
    'bootstrap',
    'layers',
    'rates',
    'layer_weights',
    'selected',
    'oracle_test',
    'regret',
    'grid_edge',
    'best_layer',
    'mix',
    'mix_minus_best_layer',
    'per_label',
    'n',
    'warnings',
    'comparisons',
    'controls',
    'closed_form',
    'robustness',
    'published',
)


def island(results: Sequence[Result], title: str, *, listen: Path | None = None) -> str:
    """Writes the data of the page.

    Args:
        results: of one or several encoders and tasks.
        title: of the page.
        listen: the folder the page is written to, where its players should find the audio by
            relative paths; None leaves all paths out.

    Returns:
        JSON that may stand inside a script element.
    """
    names, asked = encoders(results), tasks(results)
    found = {(r.encoder, r.task): r for r in results}
    heard = {} if listen is None else _heard(results, listen)
    data = {
        'title': title,
        'looks': {'colours': style.COLOURS, 'markers': style.MARKERS},
        'encoders': [_encoder(of_encoder(results, name)[0], k) for k, name in enumerate(names)],
        'tasks': [_task(of_task(results, name)) for name in asked],
        'results': [
            [_result(found[e, t], heard) if (e, t) in found else None for t in asked] for e in names
        ],
        'comparisons': across.comparisons(results),
        'similarity': across.similarity(results),
    }
    written = shorten(json.dumps(pack(data), allow_nan=False))
    return written.replace('<', '\\u003c')  # No `</script>` and no `<!--` from a name.


def pack(value: Any) -> Any:
    """Stores three or more records of equal keys as keys and rows, named ones (`n`) likewise.

    >>> pack([{'a': 1, 'b': 'x'}] * 3)
    {'~': ['a', 'b'], 'r': [[1, 'x'], [1, 'x'], [1, 'x']]}
    """
    if isinstance(value, dict):
        packed = _records(list(value.values()))
        if packed is not None:
            return {**packed, 'n': list(value)}
        return {key: v if type(v) in _PLAIN else pack(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return _records(value) or [v if type(v) in _PLAIN else pack(v) for v in value]
    return value


def _records(values: Sequence[Any]) -> dict[str, Any] | None:
    if len(values) < 3 or not all(isinstance(v, dict) and v for v in values):
        return None
    keys = list(values[0])
    if any(list(v) != keys for v in values):
        return None
    rows = [[v if type(v) in _PLAIN else pack(v) for v in record.values()] for record in values]
    return {'~': keys, 'r': rows}


def shorten(text: str) -> str:
    """Rounds every float of a JSON text to six digits.

    Six, for figures show three: rounded twice, five would now and then end in another third digit
    than the tables' own.

    >>> shorten('{"v 0.123456789": [0.123456789, 3]}')
    '{"v 0.123456789":[0.123457,3]}'
    """
    value = json.loads(text, parse_float=lambda digits: float(f'{float(digits):.6g}'))
    return json.dumps(value, ensure_ascii=False, separators=(',', ':'))


def _encoder(r: Result, index: int) -> dict[str, Any]:
    look = style.look(index, control=r.control)
    card = r.data['encoder']
    return {
        'name': r.encoder,
        'title': card.get('title', ''),
        'control': r.control,
        'colour': look['color'],
        'marker': look['marker'],
        'dash': _dash(look.get('linestyle', '-')),
        'layers': [layer['name'] for layer in card['layers']],
    }


def _dash(linestyle: Any) -> str:
    """Matplotlib's dashes, in line widths, as SVG's, in pixels."""
    return '' if linestyle == '-' else ' '.join(f'{1.8 * length:g}' for length in linestyle[1])


def _task(rows: Sequence[Result]) -> dict[str, Any]:
    r = rows[0]
    card = r.data['task']
    return {
        'name': r.task,
        'title': card.get('title', ''),
        'kind': card['kind'],
        'metric': r.metric,
        'metrics': list(dict.fromkeys([r.metric, *card['metrics']])),
        'labels': card['labels'],
        'constants': list(text.constants(card['kind'])),
        'says': scores.task_lines(rows),
    }


def _result(r: Result, heard: Heard) -> dict[str, Any]:
    kept = {key: r.data[key] for key in _KEPT if r.data.get(key) is not None}
    if r.data.get('confusion'):
        kept['confusion'] = _confusion(r, heard)
    if r.data.get('projection'):
        kept['projection'] = _projection(r.data['projection'])
    if r.data.get('ledger'):
        kept['ledger'] = {k: v for k, v in r.data['ledger'].items() if k != 'rates'}
    if r.data.get('label_efficiency'):
        found = r.data['label_efficiency']
        kept['label_efficiency'] = found | {'rows': [_only(row, _FEWER) for row in found['rows']]}
    for name in ('heads', 'contexts'):
        if r.data.get(name):
            kept[name] = r.data[name] | {'rows': [_variant(row) for row in r.data[name]['rows']]}
    others = [m for m in r.data['task']['metrics'] if m != r.metric]
    return kept | {'curves': _curves(r, others)}


_FEWER = ('source', 'test', 'seed_std', 'ci95')


def _only(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: row.get(key) for key in keys}


def _variant(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of every layer of a head or a context, what its map shows."""
    layers = [_only(layer, ('source', 'test', 'ci95')) for layer in row.get('layers') or []]
    return {**row, 'layers': layers}


def _curves(r: Result, metrics: Sequence[str]) -> dict[str, Any]:
    """Test scores of every source in other metrics than the primary one, from the cells.

    At the rate that validation selects for the source; mean and deviation over seeds.
    """
    path = (
        r.path.with_name(f'{r.path.name.removesuffix(".json")}.cells.parquet') if r.path else None
    )
    if not metrics or path is None or not path.is_file():
        return {}
    import pyarrow.parquet

    try:
        cells = pyarrow.parquet.read_table(path).to_pydict()
        at: dict[tuple[str, float], list[int]] = {}
        for k, key in enumerate(zip(cells['source'], cells['learning_rate'], strict=True)):
            at.setdefault(key, []).append(k)
        rows = [at.get((row['source'], row['learning_rate']), []) for row in r.data['layers']]
        return {m: _curve([[cells[f'test/{m}'][k] for k in ks] for ks in rows]) for m in metrics}
    except (KeyError, OSError, ValueError) as error:
        raise StoreError(
            f'{path} is not the record that {r.path} was computed from ({error}). `jaxprobe verify '
            f'{r.workdir}` says what was changed.'
        ) from error


def _curve(values: Sequence[Sequence[float]]) -> dict[str, list[float | None]]:
    return {
        'test': [float(np.mean(v)) if v else None for v in values],
        'seed_std': [float(np.std(v, ddof=1)) if len(v) > 1 else None for v in values],
    }


def _confusion(r: Result, heard: Heard) -> dict[str, Any]:
    found = r.data['confusion']
    known = heard.get((r.workdir, r.data['task']['name']), {})
    items = [item | {'path': known.get(item['id'], '')} for item in found['items']]
    cells = [
        [row, column, n]
        for row, counts in enumerate(found['counts'])
        for column, n in enumerate(counts)
        if n
    ]
    return {k: v for k, v in found.items() if k != 'counts'} | {'items': items, 'cells': cells}


def _heard(results: Sequence[Result], listen: Path) -> Heard:
    """Addresses of all sounds, relative to the page: a file moves with what it stands beside."""
    found: Heard = {}
    for workdir in dict.fromkeys(r.workdir for r in results):
        names = {r.data['task']['name'] for r in results if r.workdir == workdir}
        for task, items in sounds.sounds(workdir, sorted(names)).items():
            found[workdir, task] = {
                name: _address(one.path, listen) + one.fragment for name, one in items.items()
            }
    return found


def _address(path: Path, listen: Path) -> str:
    return urllib.parse.quote(os.path.relpath(path.resolve(), listen.resolve()))


def _projection(found: Mapping[str, Any]) -> dict[str, Any]:
    """Points as bytes, labels once: all layers show the same items."""
    rows = [row for row in found['rows'] if row['points']]
    if not rows:
        return {**found, 'rows': []}
    step = max(1, math.ceil(len(rows[0]['points']) / POINTS))
    labels = [int(point[2]) for point in rows[0]['points'][::step]]
    packed = []
    for row in rows:
        points = np.array([point[:2] for point in row['points'][::step]], dtype=np.float64)
        low, span = points.min(axis=0), np.ptp(points, axis=0)
        scaled = np.round(255 * (points - low) / np.where(span > 0, span, 1.0)).astype(np.uint8)
        x, y = (base64.b64encode(scaled[:, k].tobytes()).decode() for k in (0, 1))
        packed.append({'source': row['source'], 'explained': row['explained'], 'x': x, 'y': y})
    return {**found, 'rows': packed, 'of_points': labels, 'shown': len(labels)}
