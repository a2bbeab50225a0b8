"""The similarity stage: which layers hold the same, of one encoder, of two, and of the input.

`config.study.similarity` is a list of 'layers' (every encoder's layers with each other), 'encoders'
(the layers of every two encoders) and 'input' (log mel energies and chroma of the same audio with
every layer: the layer-wise paper's Figure 3), each on the audio of the task named behind it
('input@gtzan_rhythm'), else of the run's first task by name, those that store frames last. Measures
and floors are those of `jaxprobe.analysis.pairs`.

Rows
----
All items of the task, whatever their split: nothing is learned here from labels, and rows are what
canonical correlations need most. A row is a window's mean, or a frame where the task stores frames,
or a clip's mean where two encoders cut differently; at most 20 000 of them, a seeded sample, the
same for both sides. Clips that either store lacks are left out of both.

Input features are a store of their own, `fbank_chroma` on the encoder's windows (the means of log
mel energies and of chroma over each window), which the extract stage makes unless the run has it.
What is known here of the paper's Figure 3 is its measure, PWCCA with mel features, not its rows;
Pasad, Chou and Livescu (2021) compare frames of speech. `pwcca(log mel, layer)` has the weights of
the mel side, as the published codes weigh the narrower one; a task that stores frames gives the map
on frames.

`<workdir>/across/similarity.json` is written after every part; parts whose fingerprint (stores,
audio, settings) is unchanged are not computed again. `<workdir>/across/similarity.clips.json` keeps
which audio it was, so that `jaxprobe verify` can compute everything again from the stores alone.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxprobe.analysis import pairs
from jaxprobe.core import compared, fs, schema
from jaxprobe.core.compared import CLIPS, FILE
from jaxprobe.core.errors import StoreError
from jaxprobe.encoders import base as encoders
from jaxprobe.encoders.base import Encoder
from jaxprobe.features import manifest
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import EncoderPlan, Plan, items_of
from jaxprobe.stages import similarity_maps
from jaxprobe.stages.score import tidied
from jaxprobe.stages.similarity_maps import INPUT, Audio, Map, Part, title
from jaxprobe.stages.stores import batch_windows, clips_of, clips_per_item, store_spec
from jaxprobe.tasks.base import Task

_REMEDY = 'delete that file and run the similarity stage again.'


def run(plan: Plan, workdir: Path) -> Path | None:
    """Computes what the plan asks for and is not there yet; returns the file, or None.

    Raises:
        StoreError: a store lacks audio; the extract stage has to run first.
    """
    wanted = _wanted(plan)
    for one in compared.asked(plan.study.similarity, [*_names(plan), *plan.skipped]):
        if one.task in plan.skipped:
            print(f'   {one.what} on {one.task}: skipped with the task')
    if not wanted:
        return None
    path = workdir / FILE
    before = _grouped(_stored(path))
    audio: dict[str, Audio] = {}
    maps: list[Map] = []
    for part in _parts(wanted, plan, audio):
        own = audio[part.task]
        fingerprint = similarity_maps.fingerprint(part, own, plan.store_dir, plan.seed)
        if fingerprint in before:
            print(f'   {title(part)}: done before')
            maps += before.pop(fingerprint)
            continue
        began = time.monotonic()
        found = similarity_maps.compute(part, own, plan.store_dir, plan.seed, workdir)
        maps += [one | {'fingerprint': fingerprint} for one in found]
        # What an earlier run left and this one has not come to stays, should this one be killed.
        _write(path, maps + [one for rest in before.values() for one in rest], audio, plan)
        seconds = time.monotonic() - began
        print(f'   {title(part)}: {found[0]["n_rows"]} {found[0]["unit"]}, {seconds:.1f} s')
        for note in found[0]['notes']:
            print(f'     note: {note}')
    _write(path, maps, audio, plan)
    return path


def check(workdir: Path, store_dir: Path) -> list[tuple[str, int, list[str]]]:
    """Computes every stored map again from the stores, for `jaxprobe verify`.

    Returns:
        Per pair of sides: its name, how many values were compared, and every difference.
    """
    stored = _stored(workdir / FILE, changed=True)  # It is computed again: that tells what.
    if not stored:
        return []
    known = _clips(workdir)
    whole = _whole(workdir / FILE)
    return [
        *whole,
        *(similarity_maps.check(maps, known, store_dir) for maps in _grouped(stored).values()),
    ]


def _whole(path: Path) -> list[tuple[str, int, list[str]]]:
    """What a seal that does not fit has to say."""
    try:
        _stored(path)
    except StoreError as error:
        return [(FILE, 0, [str(error)])]
    return []


def requests(
    encoder: Encoder, chosen: EncoderPlan, plan: Plan
) -> Iterator[tuple[StoreSpec, Encoder, list[Clip]]]:
    """What the extract stage has to do for one encoder: input features on its windows.

    Yields:
        A store, the features that fill it, and the audio.
    """
    for one in _wanted(plan):
        if one.what == 'input' and not chosen.limit:
            task, features = _task(plan, one.task), _features(plan)
            spec = store_spec(encoder, chosen, task, plan)
            own = input_spec(spec, features, plan.extract.batch_windows)
            yield own, features, clips_of(items_of(task, plan))


def _wanted(plan: Plan) -> list[compared.Asked]:
    """What is asked for, on tasks that can be run."""
    found = compared.asked(plan.study.similarity, [*_names(plan), *plan.skipped])
    return [one for one in found if one.task not in plan.skipped]


def _names(plan: Plan) -> list[str]:
    """The tasks; where none is named, one of window means goes before one of frames."""
    return [task.name for task in sorted(plan.tasks, key=lambda task: task.kind.framewise)]


def _task(plan: Plan, name: str) -> Task:
    """The task of a name."""
    (task,) = (task for task in plan.tasks if task.name == name)
    return task


def _features(plan: Plan) -> Encoder:
    """Log mel energies and chroma."""
    return encoders.load('fbank_chroma', weights='', arch='', dtype='float32', seed=plan.seed)


def _parts(wanted: list[compared.Asked], plan: Plan, audio: dict[str, Audio]) -> Iterator[Part]:
    """Every part that is asked for, in order; fills in the audio of its task."""
    whole = [chosen for chosen in plan.encoders if not chosen.limit]  # All have the same audio.
    loaded = [(chosen, chosen.load(plan.seed)._replace(params=None)) for chosen in whole]
    for what, name in wanted:
        task = _task(plan, name)
        audio[name] = _audio(task, plan)
        specs = {c.label: store_spec(encoder, c, task, plan) for c, encoder in loaded}
        labels = list(specs)
        if what == 'layers':
            for label in labels:
                yield Part(what, name, label, label, (specs[label].name, specs[label].name))
        elif what == 'encoders':
            for i, a in enumerate(labels):
                for b in labels[i + 1 :]:
                    yield Part(what, name, a, b, (specs[a].name, specs[b].name))
        else:
            features = _features(plan)
            for label, spec in specs.items():
                own = input_spec(spec, features, plan.extract.batch_windows)
                yield Part(what, name, INPUT, label, (own.name, spec.name))


def _audio(task: Task, plan: Plan) -> Audio:
    """The clips of a task that can be read."""
    items = items_of(task, plan)
    owner = np.repeat(np.arange(len(items)), clips_per_item(items)).tolist()
    keys = keys_of(clips_of(items), plan.store_dir).keys
    there = [(key, item) for key, item in zip(keys, owner, strict=True) if key]
    return Audio([key for key, _ in there], [item for _, item in there])


def input_spec(spec: StoreSpec, features: Encoder, asked_batch: int = 0) -> StoreSpec:
    """The store of input features whose windows are those of another store."""
    card = features.card
    scale = card.sample_rate / spec.sample_rate
    samples = round(spec.window_samples * scale)
    return StoreSpec(
        encoder=card.name,
        weights_sha256=features.weights_sha256,
        port_version=card.port_version,
        layers=tuple((layer.name, layer.width) for layer in card.layers),
        sample_rate=card.sample_rate,
        window_samples=samples,
        hop_samples=max(1, round(spec.hop_samples * scale)),
        tail=spec.tail,
        short=spec.short,
        min_samples=card.min_samples,
        lead_fill=card.lead_fill,
        frames=spec.frames,
        batch_windows=batch_windows(asked_batch, samples, card.sample_rate),
    )


def _write(path: Path, maps: list[Map], audio: dict[str, Audio], plan: Plan) -> None:
    """Writes what there is; the clips first, so that no map is without them."""
    used = {one['task'] for one in maps}
    known = _clips(path.parents[1]) | {task: found._asdict() for task, found in audio.items()}
    clips = {'schema': compared.SCHEMA, 'tasks': {k: v for k, v in known.items() if k in used}}
    fs.write_json(path.parents[1] / CLIPS, schema.sealed(clips))
    names = sorted({name for one in maps for name in one['stores']})
    notes = [note for one in maps for note in one['notes']]
    document = {
        'schema': compared.SCHEMA,
        'measures': list(pairs.MEASURES),
        'settings': similarity_maps.settings(),
        'stores': {
            name: {'fingerprint': manifest.read_spec(plan.store_dir / name).fingerprint}
            for name in names
        },
        'maps': maps,
        'notes': list(dict.fromkeys(notes)),
    }
    fs.write_json(path, schema.sealed(tidied(document)))


def _clips(workdir: Path) -> dict[str, dict[str, list]]:
    """Task -> the audio that maps were made of; empty where the file is absent.

    Raises:
        StoreError: it is damaged, was changed, or is of another version.
    """
    try:
        found = schema.read(workdir / CLIPS, 'audio of similarity', compared.READS, _REMEDY)
    except FileNotFoundError:
        return {}
    return dict(found.get('tasks', found))  # The first layout: tasks alone.


def _grouped(maps: list[Map]) -> dict[str, list[Map]]:
    """The maps of every part, by its fingerprint."""
    found: dict[str, list[Map]] = {}
    for one in maps:
        found.setdefault(one['fingerprint'], []).append(one)
    return found


def _stored(path: Path, *, changed: bool = False) -> list[Map]:
    """The maps that are there; none where the file is absent.

    Raises:
        StoreError: it is damaged, was changed, or is of another version.
    """
    try:
        found = schema.read(path, 'similarity', compared.READS, _REMEDY, changed=changed)
        return list(found['maps'])
    except FileNotFoundError:
        return []
    except (KeyError, TypeError) as error:
        raise StoreError(f'{path} is damaged ({error}). {_REMEDY.capitalize()}') from error
