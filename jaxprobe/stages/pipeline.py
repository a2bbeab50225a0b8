"""The stages up to the results, in order. Each reads what earlier ones left on disk.

prepare: what data is there. extract: every encoder once over all audio, into stores.
probe: a bank per encoder and task. similarity: layers beside each other, where asked for. analyse:
the result files. The report stage stands in `launch.py`, on the floor above `reports/`.
"""

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import DataError, StoreError
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.plan import EncoderPlan, Plan, items_of
from jaxprobe.stages import cluster, progress

COST_SCHEMA = 1  # Of cost.json.
SKIPPED = 'skipped.json'  # In the working directory: task or encoder -> what it needs.


def tell_skipped(plan: Plan, workdir: Path) -> None:
    """Prints the tasks and encoders that are left out and what they need; kept for the report."""
    for name, need in plan.skipped.items():
        print(f'== skipped {name}: it needs {need}')
    if plan.skipped or (workdir / SKIPPED).exists():
        fs.write_json(workdir / SKIPPED, dict(plan.skipped))


def read_cost(path: Path) -> dict[str, Any]:
    """What a run has cost so far.

    Raises:
        StoreError: the file is damaged, or of another version.
    """
    remedy = 'delete that file: no result depends on it, the times in it are lost.'
    found = schema.read(path, 'cost of a run', (COST_SCHEMA,), remedy)
    if not all(isinstance(found.get(key), dict) for key in ('stages', 'parts')):
        raise StoreError(f'{path} (cost of a run) is damaged: {remedy}')
    return found


class Cost:
    """Times, hosts and environment, kept apart from results so that those can be compared."""

    def __init__(self, workdir: Path, process: int = 0):
        """Continues the file that an earlier, interrupted run left.

        Args:
            workdir: holds `cost.json`, and `cost.<k>.json` of process k of several.
            process: this one's number.
        """
        self._path = workdir / (f'cost.{process}.json' if process else 'cost.json')
        self._record: dict[str, Any] = {'stages': {}, 'parts': {}}
        if self._path.exists():
            self._record = read_cost(self._path)
        self._record['schema'] = COST_SCHEMA
        self._record['host'] = platform.node()
        self._record['cpus'] = os.cpu_count()
        self._record['python'] = platform.python_version()

    def add_stage(self, name: str, seconds: float) -> None:
        """Adds the wall time of a stage; repeated runs of it add up."""
        stages = self._record['stages']
        stages[name] = round(stages.get(name, 0.0) + seconds, 3)
        fs.write_json(self._path, self._record)
        whole = sum(stages.values())
        print(f'   {name}: {seconds:.1f} s ({100 * stages[name] / whole:.0f} % of {whole:.1f} s)')

    def name_device(self) -> None:
        """Records what computes: a time means nothing without it."""
        import jax

        devices = jax.local_devices()
        self._record['device'] = f'{len(devices)} x {devices[0].device_kind}'

    def add_extraction(self, store: str, report: dict[str, Any]) -> None:
        """Records an extraction; what was encoded, and in what time, adds up over runs."""
        before = self._record['parts'].get(f'extract/{store}', {})
        sums = ('encoded_windows', 'encoding_wall_seconds')
        added = {name: round(before.get(name, 0) + report[name], 3) for name in sums}
        self.add_part(f'extract/{store}', report | added)

    def gather(self, workdir: Path) -> None:
        """Takes in the parts that other processes of the run have recorded.

        A bank was trained by one of them. A store was written by all at the same time: windows
        add up, and the longest time is the store's.
        """
        for path in sorted(workdir.glob('cost.*.json')):
            for name, theirs in read_cost(path)['parts'].items():
                ours = self._record['parts'].setdefault(name, theirs)
                if ours is not theirs and name.startswith('extract/'):
                    ours['encoded_windows'] += theirs['encoded_windows']
                    seconds = 'encoding_wall_seconds'
                    ours[seconds] = max(ours[seconds], theirs[seconds])
            path.unlink()
        fs.write_json(self._path, self._record)

    def add_part(self, name: str, values: dict[str, Any]) -> None:
        """Records what one encoder's extraction or one bank cost."""
        self._record['parts'][name] = values
        fs.write_json(self._path, self._record)


def prepare(plan: Plan, workdir: Path, cost: Cost) -> None:
    """Checks (for synthetic data: makes) the audio and labels of every task.

    Raises:
        DataError: a task cannot be used; the message says what is missing and how to get it.
    """
    from jaxprobe.stages import prepare as preparing

    for task in plan.tasks:
        text, found = preparing.prepare(task, plan.data_dir)
        print(text)
        if not found.usable:
            raise DataError(f'{task.name} cannot be run as it stands; what is wrong stands above.')
        if found.missing and plan.extract.on_error == 'stop':
            raise DataError(
                f'{task.name} lacks {len(found.missing)} files (see above). Bring them, or go on '
                f'without, counted in every result, with --config.extract.on_error=quarantine.'
            )


def extract(plan: Plan, workdir: Path, cost: Cost) -> None:
    """Runs every encoder once over the audio of all tasks; audio already stored is not encoded."""
    import jax

    from jaxprobe.stages import deformed
    from jaxprobe.stages import extract as extracting
    from jaxprobe.stages import similarity as comparing
    from jaxprobe.stages.frame_probe import encoder_of
    from jaxprobe.stages.stores import clips_of, store_spec

    cost.name_device()
    deformed.tell_refused(plan)
    for chosen in plan.encoders:
        encoder = chosen.load(plan.seed)
        advice = faster(encoder.card, chosen.dtype, jax.local_devices()[0].platform)
        if advice and not encoder.host:
            print(f'   {chosen.label}: {advice}')
        framings: dict[str, tuple[Any, Any, list]] = {}
        for task in plan.tasks:
            spec = store_spec(encoder, chosen, task, plan)
            own = encoder_of(encoder, task, plan.extract.pooling)
            framings.setdefault(spec.fingerprint, (spec, own, []))[2].extend(
                clips_of(items_of(task, plan, chosen))
            )
        for spec, task, clips in deformed.requests(encoder, chosen, plan):
            own = encoder_of(encoder, task, plan.extract.pooling)
            framings.setdefault(spec.fingerprint, (spec, own, []))[2].extend(clips)
        for spec, own, clips in comparing.requests(encoder, chosen, plan):
            framings.setdefault(spec.fingerprint, (spec, own, []))[2].extend(clips)
        for spec, own, clips in framings.values():
            clean = spec.deformation == deformed.CLEAN
            label = chosen.label if clean else f'{chosen.label}, {spec.deformation}'
            if spec.encoder != encoder.card.name:
                label = f'{chosen.label}, input features'
            shown = progress.Encoding(label)
            report = extracting.extract(
                own,
                spec,
                clips,
                plan.store_dir,
                threads=plan.extract.threads,
                shard_minutes=plan.extract.shard_minutes,
                on_error=plan.extract.on_error,
                progress=shown,
            )
            shown.close()
            _tell(label, report)
            cost.add_extraction(spec.name, report._asdict())


def faster(card: Card, dtype: str, platform: str) -> str:
    """What would make an encoder faster on this kind of device, '' where nothing is known.

    No default changes with the device: a store made on one is read on any.
    """
    if dtype != 'float32' or platform == 'cpu' or card.gflop_per_second < 1:
        return ''
    return (
        f'float32 is the slow way on this device. dtype=bfloat16 in the config of this encoder is '
        f'what its matrix units are made for, and gives another store; what it changes: '
        f'python -m benchmarks.dtype {card.name}'
    )


def probe(plan: Plan, workdir: Path, cost: Cost) -> None:
    """Trains the banks of every encoder and task that are not finished.

    Of several processes each trains its share of them.
    """
    from jaxprobe.stages import probe as probing
    from jaxprobe.stages import shares

    cost.name_device()
    by_label: dict[str, Encoder] = {}

    def identified(chosen: EncoderPlan) -> Encoder:
        """Only what identifies an encoder is needed here; the rest would crowd the banks."""
        if chosen.label not in by_label:
            whole = chosen.load(plan.seed)
            by_label[chosen.label] = whole._replace(params=None, encode=_no_longer)
        return by_label[chosen.label]

    pairs = [(chosen, task) for chosen in plan.encoders for task in plan.tasks]
    divided = list(zip(pairs, shares.agreed(pairs, plan, identified), strict=True))
    todo = [(pair, 'together') for pair, share in divided if share.together]
    todo += [
        (pair, 'rest' if share.together else 'all')
        for pair, share in divided
        if share.process == cluster.index()
    ]
    for (chosen, task), part in todo:
        asked = (identified(chosen), chosen, task, plan, workdir, progress.Training)
        for name, values in probing.run(*asked, part=part):
            cost.add_part(f'probe/{chosen.label}/{name}', values)


def _no_longer(*_: Any) -> Any:
    raise TypeError('this encoder was kept for what identifies it, and cannot encode')


def similarity(plan: Plan, workdir: Path, cost: Cost) -> None:
    """Compares layers, encoders and input features where the config asks for it."""
    from jaxprobe.stages import similarity as comparing

    comparing.run(plan, workdir)


def analyse(plan: Plan, workdir: Path, cost: Cost) -> None:
    """Turns stored cells and logits into result files: selection, intervals, baselines."""
    from jaxprobe.stages import analyse as analysing

    analysing.run(workdir, resamples=plan.resamples)


Stage = Callable[[Plan, Path, Cost], None]
STAGES: dict[str, Stage] = {
    'prepare': prepare,
    'extract': extract,
    'probe': probe,
    'similarity': similarity,
    'analyse': analyse,
}


def idle(stage: str, plan: Plan) -> bool:
    """Whether a stage has nothing to do under this plan, and nothing to say."""
    return stage == 'similarity' and not plan.study.similarity


def _tell(label: str, report: Any) -> None:
    """One line per store: what was encoded now, what was there before, what was odd."""
    odd = {'padded': report.padded, 'silent': report.silent, 'unusable': len(report.failed)}
    words = [f'{count} {what}' for what, count in odd.items() if count]
    now = 'all were there'
    if report.encoded_seconds:
        pace = progress.pace(report.x_real_time)
        now = f'{report.encoded_seconds:.0f} s of audio encoded now, {pace} x real time'
    print(
        f'   {label}: {report.windows} windows of {report.clips} clips; {now}'
        + (f' ({", ".join(words)})' if words else '')
    )
