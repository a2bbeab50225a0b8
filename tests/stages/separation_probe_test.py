"""Separation end to end: synthetic stems through store, waves, bank and songs."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from jaxprobe import plan
from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base as encoders
from jaxprobe.probes.separation.spectra import Spectra
from jaxprobe.stages import pipeline, separation_probe, verify
from jaxprobe.tasks import registry
from tests.tasks import trees

COMPUTES = True  # Spectra: quick compilation would cost more than it saves.
SMALL = {
    'items': (12, 3, 4),
    'lstm_layers': 1,
    'rate': 8000,
    'n_fft': 512,
    'frame_rate': 50.0,
    'hidden': (16,),
    'batch_items': 4,
    'window_seconds': 1.0,
    'epochs': 30,
}


@pytest.fixture(scope='module')
def ran(tmp_path_factory):
    """A run of one encoder, its reduced head trained for a few epochs."""
    folder = tmp_path_factory.mktemp('stems')
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', sources='fbank')
    c.data_dir, c.store_dir = str(folder / 'data'), str(folder / 'stores')
    c.tasks = {'synth_separation': SMALL}
    c.probe.learning_rates = (1e-2,)
    c.analyse.resamples = 20
    found = plan.resolve(c, folder / 'run')
    cost = pipeline.Cost(folder / 'run')
    for stage in pipeline.STAGES.values():
        stage(found, folder / 'run', cost)
    name = folder / 'run' / 'results' / 'fbank_chroma' / 'synth_separation.json'
    return folder, found, json.loads(name.read_text())


def test_stems_are_found(ran):
    """Against the mixture as the answer to everything, and against silence (0 dB)."""
    _, _, result = ran
    assert result['main_score']['metric'] == 'sdr'
    assert result['selected']['by'] == 'valid/sdr'
    mixture, best = result['majority'], result['best_constant']
    gains = {m: result['metrics'][m]['value'] - mixture[m] for m in result['metrics']}
    assert gains['sdr'] > 6
    above = [m for m in gains if result['metrics'][m]['value'] > best[m] + 0.5]
    assert len(above) >= 2, (result['metrics'], best)
    assert result['spectra'] == {'rate': 8000, 'n_fft': 512, 'hop': 160}
    assert result['head']['hidden'] == 16


@pytest.mark.slow
def test_the_owners_layout(tmp_path):
    """MUSDB18-HQ's folders, stereo at 44.1 kHz, from files to a result."""
    state = np.random.RandomState(0)

    def sound(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * state.standard_normal((3 * 44100, 2)), 44100)

    trees.musdb_hq(tmp_path / 'data', sound)
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', sources='fbank')
    c.data_dir, c.store_dir = str(tmp_path / 'data'), str(tmp_path / 'stores')
    small = {key: value for key, value in SMALL.items() if key != 'items'}
    c.tasks = {'musdb18': {**small, 'epochs': 2}}
    c.probe.learning_rates = (1e-2,)
    c.analyse.resamples = 20
    found = plan.resolve(c, tmp_path / 'run')
    cost = pipeline.Cost(tmp_path / 'run')
    for stage in pipeline.STAGES.values():
        stage(found, tmp_path / 'run', cost)
    result = json.loads((tmp_path / 'run/results/fbank_chroma/musdb18.json').read_text())
    assert result['n'] == {'train': 2, 'valid': 1, 'test': 2}
    assert {'sdr', 'sdr_vocals', 'sdr_drums', 'sdr_bass', 'sdr_other'} <= set(result['metrics'])
    assert np.isfinite(result['main_score']['value'])


def test_every_number_can_be_computed_again(ran):
    folder, _, _ = ran
    text, agrees = verify.verify(folder / 'run', folder / 'stores')
    assert agrees, text


def test_a_second_run_finds_waves_and_result(ran, capsys):
    folder, found, _ = ran
    waves = {p: p.stat().st_mtime_ns for p in (folder / 'stores' / 'stems-8000').iterdir()}
    assert len(waves) == 2 * sum(SMALL['items'])  # Waves, and the sums that tell damaged ones.
    pipeline.STAGES['probe'](found, folder / 'run', pipeline.Cost(folder / 'run'))
    assert 'done before' in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in waves} == waves


def test_frames_are_stored_at_the_slower_rate():
    task = registry.build('musdb18')
    fbank = encoders.card('fbank_chroma')
    assert separation_probe.stored_frames(task, fbank, 6 * 16000) == 450
    slow = dataclasses.replace(fbank, frame_rate=25.0)
    assert separation_probe.stored_frames(task, slow, 6 * 16000) == 150


def test_every_frame_of_a_song_has_the_nearest_mask():
    """Windows of 4 frames at 0 and 0.4 s, and a last one that overlaps."""
    sizes = Spectra(rate=100, n_fft=40, hop=10)
    found = separation_probe.places(np.array([0.0, 0.4, 0.63]), 4, sizes, 103)
    assert found.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 11]


def test_sizes_and_heads_that_cannot_be():
    musdb = registry.build('musdb18')
    assert separation_probe.record(musdb) == {
        'head': {
            'bins': 1025, 'hidden': 512, 'lstm_layers': 3, 'bidirectional': False, 'dropout': 0.4,
        },
        'spectra': {'rate': 24000, 'n_fft': 2048, 'hop': 320},
    }  # fmt: skip
    with pytest.raises(ConfigError, match='a hop of 342'):
        separation_probe.spectra_of(registry.build('musdb18', {'frame_rate': 70.0}))
    with pytest.raises(ConfigError, match='one width, an even one'):
        separation_probe.head_of(registry.build('musdb18', {'hidden': (15,), 'direction': 'bi'}))
    with pytest.raises(ConfigError, match='must be one width'):
        separation_probe.head_of(registry.build('musdb18', {'hidden': (16, 16)}))
