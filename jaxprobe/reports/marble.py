"""MARBLE's own summary: one row per encoder over the constrained track, and what it cost.

A task of several metrics counts once, with their mean; the average is over tasks, decibels beside
percents, which is how the published averages come about (all six of the thesis's table 6.3 follow
from its rows within 0.06). A missing task leaves a dash, and an average over fewer tasks says over
how many: it cannot be compared with another.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import fs
from jaxprobe.reports import text
from jaxprobe.reports.read import Result, encoders, of_encoder

# Task -> the metrics of MARBLE's tables; dB stay dB, everything else is in percent.
TRACK = {
    'magnatagatune': ('roc_auc', 'ap'),
    'giantsteps_key': ('weighted_score',),
    'gtzan_genre': ('accuracy',),
    'gtzan_rhythm': ('beat_f',),
    'emomusic': ('r2_valence', 'r2_arousal'),
    'nsynth_instrument': ('accuracy',),
    'nsynth_pitch': ('accuracy',),
    'vocalset_technique': ('accuracy',),
    'vocalset_singer': ('accuracy',),
    'mtg_instrument': ('roc_auc', 'ap'),
    'mtg_moodtheme': ('roc_auc', 'ap'),
    'mtg_genre': ('roc_auc', 'ap'),
    'mtg_top50': ('roc_auc', 'ap'),
    'musdb18': ('sdr_vocals', 'sdr_drums', 'sdr_bass', 'sdr_other'),
}
LIMIT_SECONDS = 7 * 24 * 3600.0  # A task has a week on one RTX 3090.

Row = dict[str, Any]


class Summary(NamedTuple):
    """One encoder: scores as MARBLE prints them, per task its mean, and the average."""

    encoder: str
    scores: dict[tuple[str, str], float]  # (task, metric) -> percent, or dB.
    tasks: dict[str, float]
    average: float | None
    remark: str = ''  # Why it is no result of a model.


def summaries(results: Sequence[Result]) -> list[Summary]:
    """One per encoder that has a result on a task of the track."""
    found = []
    for name in encoders(results):
        own = [r for r in of_encoder(results, name) if r.data['task']['name'] in TRACK]
        if not own:
            continue
        scores = {}
        for r in own:
            task = r.data['task']['name']
            for metric in TRACK[task]:
                value = r.data['metrics'].get(metric, {}).get('value')
                if value is not None:
                    scores[task, metric] = value if task == 'musdb18' else 100 * value
        found.append(_summary(name, scores, _remark(own)))
    return found


def _summary(name: str, scores: dict[tuple[str, str], float], remark: str) -> Summary:
    means = {}
    for task, metrics in TRACK.items():
        own = [scores[task, metric] for metric in metrics if (task, metric) in scores]
        if len(own) == len(metrics):
            means[task] = sum(own) / len(own)
    average = sum(means.values()) / len(means) if means else None
    return Summary(name, scores, means, average, remark)


def _remark(own: Sequence[Result]) -> str:
    said = ['random weights'] if own[0].control else []
    return ', '.join(
        [*said, *(['a trial on part of the data'] if any(r.limited for r in own) else [])]
    )


def rows(results: Sequence[Result]) -> list[Row]:
    """Lines of `marble.csv`."""
    found = []
    for one in summaries(results):
        row: Row = {'encoder': one.encoder, 'remark': one.remark}
        for task, metrics in TRACK.items():
            row |= {f'{task}/{metric}': one.scores.get((task, metric)) for metric in metrics}
        found.append(row | {'average': one.average, 'tasks': len(one.tasks), 'of': len(TRACK)})
    return found


def markdown(results: Sequence[Result]) -> str:
    """`marble.md`: one row per encoder, the metrics of a task side by side."""
    head = ['encoder', *(f'{task} ({", ".join(m)})' for task, m in TRACK.items()), 'average']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    for one in summaries(results):
        cells = [name(one), *(scores(one, task) for task in TRACK), average(one)]
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join([*lines, '', NOTE, ''])


NOTE = (
    'Percent; musdb18 in dB. A task with several metrics counts once in the average, with their '
    'mean. *: over fewer tasks than the track has, not comparable with another average.'
)


def name(one: Summary) -> str:
    """An encoder, marked where it is a control or a trial."""
    return one.encoder + (f' ({one.remark})' if one.remark else '')


def scores(one: Summary, task: str) -> str:
    """The metrics of a task, or a dash."""
    if not any((task, metric) in one.scores for metric in TRACK[task]):
        return '-'
    values = [one.scores.get((task, metric)) for metric in TRACK[task]]
    return ' / '.join('-' if value is None else text.number(value, 1) for value in values)


def average(one: Summary) -> str:
    """The average, with the number of its tasks where some are missing."""
    if one.average is None:
        return '-'
    whole = len(one.tasks) == len(TRACK)
    mark = '' if whole else f'* ({len(one.tasks)} of {len(TRACK)} tasks)'
    return f'{text.number(one.average, 1)}{mark}'


def cost_rows(results: Sequence[Result]) -> list[Row]:
    """Lines of `cost.csv`: seconds of this machine per task, and their share of the limit.

    Extraction is counted at the pace measured for the store, for all windows of the task: audio
    that several tasks share counts for each. None where the audio was encoded by another run.
    """
    costs = {workdir: _costs(workdir) for workdir in {r.workdir for r in results}}
    found = []
    for r in results:
        cost = costs[r.workdir]
        parts = cost.get('parts', {})
        label, task = r.data['encoder']['label'], r.data['task']['name']
        seconds = [
            _extraction(parts.get(f'extract/{r.data.get("store", {}).get("dir")}', {}), r),
            parts.get(f'probe/{label}/{task}', {}).get('seconds'),
        ]
        known = [value for value in seconds if value is not None]
        whole = sum(known) if len(known) == len(seconds) else None
        share = None if whole is None or task not in TRACK else whole / LIMIT_SECONDS
        found.append(
            {
                'encoder': r.encoder,
                'task': r.task,
                'extraction_seconds': seconds[0],
                'probing_seconds': seconds[1],
                'total_seconds': None if whole is None else round(whole, 3),
                'share_of_a_week': None if share is None else float(f'{share:.3g}'),
                'host': cost.get('host', ''),
                'device': cost.get('device', ''),
            }
        )
    return found


def _extraction(part: Mapping[str, Any], r: Result) -> float | None:
    encoded, seconds = part.get('encoded_windows', 0), part.get('encoding_wall_seconds', 0.0)
    windows = r.data.get('rows', {})
    return round(seconds / encoded * sum(windows.values()), 3) if encoded and windows else None


def _costs(workdir: Path) -> dict[str, Any]:
    try:
        return fs.read_json(workdir / 'cost.json')
    except (FileNotFoundError, ValueError):
        return {}


def skipped(workdirs: Sequence[Path]) -> dict[str, str]:
    """Tasks that runs left out, and what they need; not those that another run has."""
    found: dict[str, str] = {}
    for workdir in workdirs:
        try:
            found |= fs.read_json(workdir / 'skipped.json')
        except (FileNotFoundError, ValueError):
            continue
    return found
