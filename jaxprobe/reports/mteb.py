"""Results as MTEB keeps them: `mteb/results/<model>/<revision>/<task>.json`, one per task.

Each file is a `TaskResult` of mteb 1.11 and later (mteb/results/task_result.py): its fields, and
one more, `jaxprobe`, with what MTEB has no place for (its reader ignores other fields). The model's
revision is the hash of its weights, the data set's that of the split. Controls and trials are left
out: a results repository is no place for them. Times are in cost.json, apart from results.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from jaxprobe.reports.read import Result

FOLDER = 'mteb/results'
LANGUAGE = 'zxx-Zxxx'  # No linguistic content.


def files(results: Sequence[Result]) -> dict[str, str]:
    """Every file of the export, by name; none where there are no models' results."""
    found: dict[str, str] = {}
    for r in results:
        if r.control or r.limited or r.data['main_score']['value'] is None:
            continue
        folder = f'{FOLDER}/{_slug(model(r))}/{_slug(revision(r))}'
        found[f'{folder}/model_meta.json'] = _text(meta(r))
        found[f'{folder}/{_slug(r.task)}.json'] = _text(task_result(r))
    return found


def task_result(r: Result) -> dict[str, Any]:
    """One result in MTEB's fields."""
    data, main = r.data, r.data['main_score']
    scores: dict[str, Any] = {
        'hf_subset': 'default',
        'languages': [LANGUAGE],
        'main_score': main['value'],
    }
    for name, found in data['metrics'].items():
        scores[name] = found['value']
        scores[f'{name}_ci95'] = found['ci95']
        scores[f'{name}_seed_std'] = found['seed_std']
    return {
        'dataset_revision': data.get('split_sha256', ''),
        'task_name': r.task,
        'mteb_version': None,
        'scores': {'test': [scores]},
        'evaluation_time': None,
        'kg_co2_emissions': None,
        'date': None,
        'evaluation_phases': None,
        'jaxprobe': {
            'main_metric': r.metric,
            'higher_is_better': main['higher_is_better'],
            'n_seeds': main['n_seeds'],
            'n': data['n'],
            'selected': data['selected'],
            'oracle_test': data['oracle_test'],
            'regret': data['regret'],
            'majority': data['majority'],
            'best_constant': data['best_constant'],
            'warnings': [warning['code'] for warning in data['warnings']],
            'fingerprint': data['fingerprint'],
            'versions': data.get('env', {}),
        },
    }


def meta(r: Result) -> dict[str, Any]:
    """What MTEB wants to know of a model."""
    encoder = r.data['encoder']
    return {
        'name': model(r),
        'revision': revision(r),
        'release_date': None,
        'languages': None,
        'license': encoder.get('weights_licence'),
        'reference': encoder.get('homepage'),
        'embed_dim': max(layer['width'] for layer in encoder['layers']),
        'modalities': ['audio'],
        'framework': [],
        'training_datasets': None,
    }


def model(r: Result) -> str:
    """The name of the model: `jaxprobe/<label>`, since layers and port are ours."""
    return f'jaxprobe/{r.encoder}'


def revision(r: Result) -> str:
    """What identifies the weights, in short."""
    return str(r.data['encoder'].get('weights_sha256', ''))[:40] or 'no_revision'


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + '\n'


def _slug(name: str) -> str:
    """A name as MTEB writes it in a path."""
    return re.sub(r'[^A-Za-z0-9._=@-]+', '_', name.replace('/', '__')).strip('.')[:120] or '_'
