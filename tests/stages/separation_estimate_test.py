import pytest

from jaxprobe import plan
from jaxprobe.core import config
from jaxprobe.core.errors import DataError
from jaxprobe.stages import estimate, separation_estimate
from jaxprobe.tasks import registry

SMALL = {
    'items': (3, 1, 1),
    'lstm_layers': 1,
    'rate': 4000,
    'n_fft': 64,
    'frame_rate': 125.0,
    'hidden': (8,),
    'batch_items': 2,
    'window_seconds': 1.0,
    'epochs': 3,
}


def made_plan(folder):
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', sources='fbank')
    c.data_dir, c.store_dir = str(folder / 'data'), str(folder / 'stores')
    c.tasks = {'synth_separation': SMALL}
    c.probe.learning_rates = (1e-3,)
    return plan.resolve(c, folder / 'run')


def test_a_plan_says_how_its_models_were_proved_to_fit(tmp_path):
    text, fits = estimate.estimate(made_plan(tmp_path), tmp_path / 'run')
    assert fits
    assert 'synth_separation: 4 of 4 models at once; compiled, their programs need' in text
    waves = next(line for line in text.splitlines() if line.startswith('stems-4000'))
    assert float(waves.split()[3]) == pytest.approx(5 * 5 * 3.1 * 4000 * 4 / 1e6, rel=0.01)
    store = next(line for line in text.splitlines() if line.startswith('fbank_chroma-'))
    # 5 clips of 3 s, the last window overlapping; 100 of 125 frames, for the encoder has no more.
    assert float(store.split()[3]) == pytest.approx(5 * 4 * 100 * 184 * 4 / 1e6, rel=0.01)


def test_waves_count_as_disk():
    row = separation_estimate.waves_row(registry.build('musdb18'), [], 3600.0)
    assert (row['store'], row['hours']) == ('stems-24000', 5.0)
    assert row['MB'] == pytest.approx(1728)


def test_no_audio_at_all(tmp_path):
    found = made_plan(tmp_path)
    (task,) = found.tasks
    task.prepare(found.data_dir)
    items = task.items(found.data_dir)
    for item in items:
        item.path.write_bytes(b'no audio')
    with pytest.raises(DataError, match='none of 5 items has audio'):
        separation_estimate._seconds(items)
