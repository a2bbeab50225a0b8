import dataclasses

import pytest

from jaxprobe.core import config, fs
from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.stages import estimate
from tests.stages.pipeline_test import make_plan, manifest


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('estimate')
    plan = make_plan(folder, manifest(folder / 'data'))
    return folder, plan, estimate.estimate(plan, folder / 'run')


def test_counts_are_those_of_the_data(made):
    _, _, (text, fits) = made
    assert fits
    row = next(line for line in text.splitlines() if line.startswith('fbank_chroma-'))
    _, hours, windows, *_ = row.split()
    assert (float(hours), int(windows)) == (0.01, 24)
    bank = next(line for line in text.splitlines() if line.startswith('fbank_chroma '))
    assert bank.split()[1:4] == ['own_data', '12', '12']  # Train items; 3 layers, 2 rates, 2 seeds.


def test_a_short_time_is_not_none(made):
    _, _, (text, _) = made
    assert 'time: 1 minute at most' in text
    assert [estimate._time(m) for m in (0.2, 42.3, 150.0)] == [
        '1 minute',
        '42 minutes',
        '2.5 hours',
    ]


def test_nothing_is_written(made):
    folder, *_ = made
    assert not (folder / 'run').exists()
    assert not (folder / 'stores').exists()


def test_a_full_disk_is_refused_and_the_cheaper_setting_named(made, monkeypatch):
    folder, plan, _ = made
    monkeypatch.setattr(fs, 'free_bytes', lambda path: 1000)
    text, fits = estimate.estimate(plan, folder / 'run')
    assert not fits
    assert '--config.extract.dtype=bfloat16' in text


def test_too_little_memory_is_refused_with_a_number_of_cells(made, monkeypatch):
    folder, plan, _ = made
    monkeypatch.setattr(estimate, '_memory_mb', lambda: 3.0)
    text, fits = estimate.estimate(plan, folder / 'run')
    assert not fits
    assert '--config.probe.max_cells=' in text


def test_no_audio_at_all(tmp_path):
    labels = manifest(tmp_path / 'data', missing=24)
    with pytest.raises((ConfigError, DataError), match='audio'):
        estimate.estimate(make_plan(tmp_path, labels), tmp_path / 'run')


def test_variants_are_counted_beside_the_bank(tmp_path):
    plan = make_plan(tmp_path, manifest(tmp_path / 'data'))
    study = config.base().study
    study.shuffled, study.fractions, study.heads = True, (0.25, 1.0), 'linear,m4'
    text, fits = estimate.estimate(dataclasses.replace(plan, study=study), tmp_path / 'run')
    assert fits
    rows = {cut[1]: cut for cut in map(str.split, text.splitlines()) if cut[:1] == ['fbank_chroma']}
    assert set(rows) == {
        'own_data', 'own_data@shuffled', 'own_data@train-0.25',
        'own_data@head-linear', 'own_data@head-m4',
    }  # fmt: skip
    counted = {name: cut[2:4] for name, cut in rows.items()}
    assert counted['own_data@train-0.25'] == ['3', '12']  # Training items, cells.
    assert counted['own_data@shuffled'] == counted['own_data'] == ['12', '12']
    memory = {name: float(cut[4]) for name, cut in rows.items()}
    assert memory['own_data@head-linear'] < memory['own_data@head-m4'] < memory['own_data']
