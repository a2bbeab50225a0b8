import dataclasses

import pytest

from jaxprobe import plan as planning
from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError
from jaxprobe.deform import chain
from jaxprobe.stages import deformed
from jaxprobe.stages.stores import store_spec
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import Kind
from tests.stages.closed_form_probe_test import asking
from tests.stages.pipeline_test import make_plan, manifest


def test_test_items_are_requested_and_no_others(tmp_path):
    plan = asking(
        make_plan(tmp_path, manifest(tmp_path / 'data')), deform='noise:15,gain:-12,noise:15'
    )
    encoder = plan.encoders[0].load(0)
    found = list(deformed.requests(encoder, plan.encoders[0], plan))
    assert [one.store.deformation for one in found] == ['noise:15', 'gain:-12']
    assert {clip.path.stem for one in found for clip in one.clips} == set(map(str, range(18, 24)))
    assert not list(deformed.requests(encoder, plan.encoders[0], asking(plan, deform='')))


def test_a_store_is_known_by_deformation_and_by_the_seed_where_that_counts(tmp_path):
    plan = make_plan(tmp_path, manifest(tmp_path / 'data'))
    clean = store_spec(plan.encoders[0].load(0), plan.encoders[0], plan.tasks[0], plan)
    noise, gain = chain.one('noise:15'), chain.one('gain:-12')
    stores = [
        clean,
        deformed.store_of(clean, noise, 0),
        deformed.store_of(clean, noise, 1),
        deformed.store_of(clean, gain, 0),
    ]
    assert len({store.fingerprint for store in stores}) == 4
    assert deformed.store_of(clean, gain, 1) == stores[3]
    assert clean.deformation == deformed.CLEAN
    assert 'deformation_seed' not in clean.record()
    assert deformed.record_of(stores[1])['dir'] == stores[1].name


def test_tasks_whose_targets_move_are_named_and_left_out(tmp_path, capsys):
    plan = asking(make_plan(tmp_path, manifest(tmp_path / 'data')), deform='stretch:2')
    stems, beats = (registry.build(name) for name in ('synth_separation', 'synth_beats'))
    plan = dataclasses.replace(plan, tasks=(*plan.tasks, stems, beats))
    deformed.tell_refused(plan)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ['synth_separation', 'synth_beats']
    assert 'stems' in lines[0]
    assert 'times' in lines[1]
    encoder = plan.encoders[0].load(0)
    requested = deformed.requests(encoder, plan.encoders[0], plan)
    assert {one.task.name for one in requested} == {'own_data'}
    clips = {Kind.MULTICLASS, Kind.MULTILABEL, Kind.REGRESSION, Kind.KEY}
    kinds = {kind for kind in Kind if not deformed.refusal(dataclasses.replace(beats, kind=kind))}
    assert kinds == clips


def test_a_misspelt_deformation_dies_before_any_work(tmp_path):
    labels = manifest(tmp_path / 'data')
    c = config.base()
    c.encoder, c.manifest = config.encoder('fbank_chroma'), str(labels)
    c.study.deform = 'noise:15,lowpas:4000'
    with pytest.raises(ConfigError, match="Did you mean 'lowpass'"):
        planning.resolve(c, tmp_path / 'run')
    c.study.deform = 'mir_ref'
    assert [one.name for one in deformed.chains(planning.resolve(c, tmp_path / 'run'))] == [
        'noise:15', 'noise:0', 'mp3:32', 'gain:-12',
    ]  # fmt: skip
