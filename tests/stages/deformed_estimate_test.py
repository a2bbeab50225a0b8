from jaxprobe.deform import chain
from jaxprobe.stages import deformed_estimate, estimate
from jaxprobe.stages.stores import store_spec
from tests.stages.closed_form_probe_test import asking
from tests.stages.pipeline_test import make_plan, manifest


def test_deformed_stores_are_counted_once_with_their_test_items(tmp_path):
    plan = make_plan(tmp_path, manifest(tmp_path / 'data'))
    plan = asking(plan, deform='gain:-12,noise:0')
    text, fits = estimate.estimate(plan, tmp_path / 'run')
    assert fits
    lines = [line.split() for line in text.splitlines() if line.startswith('fbank_chroma-')]
    assert [line[2] for line in lines] == ['24', '6', '6']  # Windows.
    megabytes = [float(line[3]) for line in lines]
    assert abs(megabytes[0] - 4 * megabytes[1]) < 0.003
    rows = {cut[1]: cut for cut in map(str.split, text.splitlines()) if cut[:1] == ['fbank_chroma']}
    assert rows['own_data'][3] == '12'  # Sources, rates, seeds.
    assert rows['own_data@deform'][3] == '6'  # Sources, seeds.
    assert 'time to deform' in text


def test_what_is_wanted_and_how_fast_it_is(tmp_path):
    plan = asking(make_plan(tmp_path, manifest(tmp_path / 'data')), deform='gain:-12,mp3:32')
    plan.extract.threads = 2
    encoder, (task,) = plan.encoders[0].load(0), plan.tasks
    clean = store_spec(encoder, plan.encoders[0], task, plan)
    gain, mp3 = deformed_estimate.wanted(task, plan, clean, task.items(plan.data_dir))
    assert [one.store.deformation for one in (gain, mp3)] == ['gain:-12', 'mp3:32']
    assert len(gain.clips) == 6
    assert 0 < mp3.speed < gain.speed
    assert deformed_estimate.pace(chain.one('gain:-12')) > deformed_estimate.pace(
        chain.one('mp3:32>gain:-12')
    )
