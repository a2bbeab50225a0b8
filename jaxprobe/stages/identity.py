"""Which bank it is: its grid, what is known of it beforehand, and the hash of what decides it.

A finished bank is known by that fingerprint, so a run that was killed goes on in the bank it was
in and redoes no other. `tests/stages/identity_test.py` pins one: banks that are finished stay
finished.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core import fs
from jaxprobe.core.version import VERSION
from jaxprobe.encoders.base import Encoder
from jaxprobe.encoders.subset import depths
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import StoreSpec
from jaxprobe.metrics import extra
from jaxprobe.plan import EncoderPlan, Plan, limit_of, sources
from jaxprobe.probes.spec import TRAINED_AS, BankSpec
from jaxprobe.stages import separation_probe, stem_waves
from jaxprobe.stages.stores import clips_of
from jaxprobe.tasks import targets
from jaxprobe.tasks.base import SPLITS, Item, Kind, Stems, Task

PROBE_VERSION = 2  # Raised whenever the bank's numbers change; part of every fingerprint.


def bank_spec(encoder: Encoder, chosen: EncoderPlan, task: Task, plan: Plan) -> BankSpec:
    """The protocol of the task with the config's overrides, in the bank's own words."""
    p = task.protocol
    return BankSpec(
        task=task.name,
        kind=TRAINED_AS.get(task.kind.value, task.kind.value),
        frames=task.kind.framewise,
        outputs=len(task.labels),
        sources=sources(encoder.card, chosen.sources),
        learning_rates=p.learning_rates or tuple(plan.probe.learning_rates),
        seeds=plan.probe.seeds,
        root_seed=plan.seed,
        monitor=p.monitor,
        hidden=p.hidden,
        dropout=p.dropout,
        batch_items=p.batch_items,
        epochs=plan.probe.epochs or p.epochs,
        plateau_patience=p.plateau_patience,
        plateau_factor=p.plateau_factor,
        stop_patience=p.stop_patience,
        aggregation=p.aggregation,
        l2=p.l2,
        tf32=plan.probe.tf32,
    )


def meta_of(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    spec: BankSpec,
    items: Sequence[Item],
    missing: dict[str, list[str]],
    store: StoreSpec,
) -> dict[str, Any]:
    """All that is known of this bank before it is trained; `fingerprint` hashes what counts."""
    card = encoder.card
    meta = {
        'encoder': {
            'label': chosen.label,
            'name': card.name,
            'title': card.title,
            'layers': [
                {'index': number, 'name': layer.name, 'width': layer.width}
                for number, layer in zip(depths(card), card.layers)
            ],
            'weights_sha256': encoder.weights_sha256,
            'dtype': chosen.dtype,
            'code_licence': card.code_licence,
            'weights_licence': card.weights_licence,
            'training_data': card.training_data,
            'citation': card.citation,
            'homepage': card.homepage,
        },
        'task': {
            'name': task.name,
            'title': task.card.title,
            'kind': task.kind.value,
            'labels': list(task.labels),
            'metrics': list(task.metrics),
            'primary': task.primary,
            'options': {k: str(v) for k, v in sorted(task.options.items())},
            'licence': task.card.licence,
            'citation': task.card.citation,
            'homepage': task.card.homepage,
            'split_source': task.card.split_source,
        },
        'protocol': dataclasses.asdict(task.protocol)
        | {'epochs': spec.epochs, 'learning_rates': list(spec.learning_rates), 'seeds': spec.seeds},
        'sources': [
            {'name': s.name, 'layers': list(s.layers), 'learned': s.learned} for s in spec.sources
        ],
        'root_seed': plan.seed,
        'n': {s: sum(item.split == s for item in items) for s in SPLITS},
        'missing': missing,
        'excluded': dict(task.card.broken),
        'split_sha256': targets.split_sha256(items),
        'store': {'fingerprint': store.fingerprint, 'dir': store.path(Path()).name},
        'limit': limit_of(plan, chosen),
        'random_weights': encoder.weights_sha256.startswith('random'),
        'config_sha256': plan.config_sha256,
        'logits_dtype': plan.probe.logits_dtype,
        'env': {'jaxprobe': VERSION, 'probe_version': PROBE_VERSION},
    }
    deciding = ('protocol', 'sources', 'root_seed', 'store', 'limit', 'logits_dtype', 'env')
    if task.kind is Kind.SEPARATION:
        meta |= separation_probe.record(task)
        deciding += ('head', 'spectra')
    if departures := departures_of(plan, task):
        meta['departures'] = departures
        deciding += ('departures',)
    deciding += ('missing', 'excluded')  # A result says how many; it may not say it of before.
    named = ['name', 'kind', 'labels', 'metrics']
    written = {m: extra.source_sha256(m) for m in task.metrics if ':' in m}
    if written:  # A user's metric that is edited is another metric.
        meta['task']['metric_sources'] = written
        named.append('metric_sources')
    return meta | {
        'fingerprint': fs.digest(
            {key: meta[key] for key in deciding}
            | {key: meta['task'][key] for key in named}
            | {'items': items_digest(items, plan)}
        )
    }


def departures_of(plan: Plan, task: Task) -> list[str]:
    """What the config does to embeddings that no protocol has, in words; [] by default."""
    found = []
    pooling = plan.extract.pooling
    if pooling != 'mean' and not task.kind.framewise:
        found.append(f'layers are {pooling} over the frames of a window (extract.pooling)')
    if plan.probe.tf32:
        found.append('matrix products of probes in TF32 (probe.tf32)')
    if plan.probe.standardise:
        found.append('rows standardised, by layer, with the training rows (probe.standardise)')
    if plan.probe.pca:
        found.append(
            f'{plan.probe.pca} principal components of the training rows, by layer (probe.pca)'
        )
    return found


def items_digest(items: Sequence[Item], plan: Plan) -> str:
    """Hashes the items as the bank meets them: in order, with their audio and their groups."""
    keys = iter(keys_of(clips_of(items), plan.store_dir).keys)
    lines = []
    for item in items:
        own = [next(keys) for _ in item.paths]
        lines.append([item.id, item.split, repr(item.target), item.group, *own])
    if items and isinstance(items[0].target, Stems):
        lines.append(stem_waves.digests(items, plan.store_dir))
    return fs.digest(lines, 64)
