"""What is left of the probes' scores on deformed test audio, source by source.

From the records `<task>@deform-clean` and `<task>@deform-<name>`, which hold the same cells: those
that validation selects, trained on clean audio. A drop is paired: the same items, groups and seeds
on both sides.

The area under a severity curve is the mean score over the severities of one deformation, clean
audio included: they are put at equal steps from 0 (clean) to 1 (the worst that was run), in the
order of the harm that their card says, and joined by straight lines. Severities of equal harm (a
semitone up and down) share a step, at their mean. Areas compare sources and encoders on the same
severities, and nothing else.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.analysis import rank
from jaxprobe.analysis.bootstrap import Resampling
from jaxprobe.probes import head_shapes
from jaxprobe.stages import grid as grids
from jaxprobe.stages import resample
from jaxprobe.stages.grid import Grid
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

KIND, HEAD_KIND, CLEAN = 'deform', 'deform_head', 'clean'


class Pair(NamedTuple):
    """A deformed record, the clean one on the same items, and draws of those."""

    record: BankRecord
    clean: BankRecord
    drawn: Resampling


def section(context: Context) -> dict[str, Any] | None:
    """Scores, drops, areas and ranks; None where nothing was deformed."""
    found = context.of_kind(KIND)
    clean = found.pop(CLEAN, None)
    if clean is None or not found or clean.test_ids != context.record.test_ids:
        return None
    pairs = _pairs(clean, found.values(), context.drawn)
    return {
        'metric': clean.meta['task']['primary'],
        'deformations': [_named(name, pair) for name, pair in pairs.items()],
        **_table(clean, pairs, context.grid, context.drawn),
        'n_test': min(len(pair.record.test_ids) for pair in pairs.values()),
        'n_clean': len(clean.test_ids),
        'heads': _heads(context),
    }


def _heads(context: Context) -> list[dict[str, Any]]:
    """The tables of other heads, in the order in which heads are listed."""
    found: dict[str, list[BankRecord]] = {}
    for one in context.of_kind(HEAD_KIND).values():
        found.setdefault(one.meta['head'], []).append(one)
    trained, tables = context.of_kind('head'), []
    for head in (name for name in head_shapes.HEADS if name in found and name in trained):
        clean = next((one for one in found[head] if 'deformation' not in one.meta), None)
        rest = [one for one in found[head] if 'deformation' in one.meta]
        if clean is not None and rest and clean.test_ids == context.record.test_ids:
            pairs = _pairs(clean, rest, context.drawn)
            table = _table(clean, pairs, grids.of(trained[head]), context.drawn)
            tables.append({'head': head, **table})
    return tables


def _pairs(clean: BankRecord, found: Iterable[BankRecord], drawn: Resampling) -> dict[str, Pair]:
    """Name of the deformation -> its pair, in the order in which they are shown."""
    return {
        one.meta['deformation']['name']: _pair(one, clean, drawn)
        for one in sorted(found, key=lambda one: _place(one.meta['deformation']))
    }


def _table(
    clean: BankRecord, pairs: Mapping[str, Pair], grid: Grid, drawn: Resampling
) -> dict[str, Any]:
    rows = [_row(source['name'], clean, pairs, drawn) for source in grid.sources]
    return {
        'rows': rows,
        'ranks': {name: _rank(rows, name) for name in pairs},
        'selected': grid.book.selected.source if grid.book else None,
        'agreement': clean.meta['agreement'],
    }


def _place(deformation: Mapping[str, Any]) -> tuple[bool, str, float, str]:
    """Family by family from mild to severe, then chains."""
    family = deformation['family']
    return family is None, family or '', deformation['harm'] or 0.0, deformation['name']


def _named(name: str, pair: Pair) -> dict[str, Any]:
    kept = ('title', 'family', 'severity', 'unit', 'keeps_length')
    told = {key: pair.record.meta['deformation'][key] for key in kept}
    return {'name': name, **told, 'n': len(pair.record.test_ids)}


def _pair(one: BankRecord, clean: BankRecord, drawn: Resampling) -> Pair:
    """Leaves those items out of the clean side that could not be used when deformed."""
    if one.test_ids == clean.test_ids:
        return Pair(one, clean, drawn)
    place = {name: i for i, name in enumerate(clean.test_ids)}
    kept = [place[name] for name in one.test_ids]
    fewer = dataclasses.replace(
        clean,
        test_ids=one.test_ids,
        test_groups=one.test_groups,
        test_targets=one.test_targets,
        test_logits=clean.test_logits[:, kept],
        scores={},
    )
    return Pair(one, fewer, resample.draw(one, drawn.resamples))


def _row(
    source: str, clean: BankRecord, pairs: Mapping[str, Pair], drawn: Resampling
) -> dict[str, Any]:
    cells = [p for p, name in enumerate(clean.source) if name == source]
    if not cells:
        nothing = dict.fromkeys(('learning_rate', 'clean', 'ci95'))
        return {'source': source, **nothing, 'scores': {}, 'area': {}}
    metric = clean.meta['task']['primary']
    value = float(clean.scores[f'test/{metric}'][cells].mean())
    scores = {name: _score(pair, metric, cells) for name, pair in pairs.items()}
    return {
        'source': source,
        'learning_rate': float(clean.learning_rate[cells[0]]),
        'clean': value,
        'ci95': resample.intervals(clean, metric, cells, drawn)['ci95'],
        'scores': scores,
        'area': _areas(value, scores, pairs),
    }


def _score(pair: Pair, metric: str, cells: Sequence[int]) -> dict[str, Any]:
    one, drawn = pair.record, pair.drawn
    before = resample.replicates(pair.clean, metric, cells, drawn)
    after = resample.replicates(one, metric, cells, drawn)
    whole, drop = before[0].mean(), (before[0] - after[0]).mean()  # Row 0: the items themselves.
    return {
        'value': float(one.scores[f'test/{metric}'][cells].mean()),
        'ci95': resample.intervals(one, metric, cells, drawn)['ci95'],
        'drop': float(drop),
        'drop_ci95': resample.difference(before, after, drawn)['ci95'],
        'relative_drop': float(drop / whole) if whole > 0 else None,
    }


def _areas(
    clean: float, scores: Mapping[str, Mapping[str, Any]], pairs: Mapping[str, Pair]
) -> dict[str, float]:
    """Family -> area, where at least two severities differ in harm."""
    curves: dict[str, dict[float, list[float]]] = {}
    for name, pair in pairs.items():
        card = pair.record.meta['deformation']
        if card['family'] is not None:
            steps = curves.setdefault(card['family'], {})
            steps.setdefault(card['harm'], []).append(scores[name]['value'])
    return {
        family: area(clean, [steps[harm] for harm in sorted(steps)])
        for family, steps in curves.items()
        if len(steps) > 1
    }


def area(clean: float, steps: Sequence[Sequence[float]]) -> float:
    """The mean height of the curve through `clean` and the mean of every step, at equal steps.

    >>> area(1.0, [[0.5], [0.25, 0.75]])
    0.625
    """
    curve = np.array([clean, *(np.mean(step) for step in steps)])
    return float((curve[:-1] + curve[1:]).mean() / 2)


def _rank(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """How the order of sources under a deformation agrees with their order on clean audio."""
    scored = [row for row in rows if row['scores'] and np.isfinite(row['scores'][name]['value'])]
    after = np.array([row['scores'][name]['value'] for row in scored])
    before = np.array([row['clean'] for row in scored])
    best = scored[int(np.argmax(after))]['source'] if scored else None
    return {'kendall_tau': rank.kendall_tau(before, after), 'best_source': best}
