import json

import numpy as np
import pytest
import soundfile

from benchmarks import extract


def lines(capsys, *arguments):
    extract.main([*arguments, '--rounds=1', '--threads=1'])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def folder(tmp_path):
    random = np.random.RandomState(0)
    for i in range(2):
        soundfile.write(tmp_path / f'{i}.wav', 0.1 * random.standard_normal(96000), 16000)
    return f'--audio={tmp_path}'


def test_files_name_their_parts_and_the_floor(capsys, folder):
    found = lines(capsys, '--encoder=fbank_chroma', '--weights=', '--clip-seconds=2', folder)
    decode, encode, whole, call = found
    assert [line['case'] for line in found] == ['decode', 'encode', 'whole', 'call']
    assert whole['audio_seconds'] == 4.0
    rates = decode['x_real_time'], encode['x_real_time']
    assert whole['floor'] == pytest.approx(1 / (1 / rates[0] + 1 / rates[1]), rel=0.05)
    assert whole['ratio'] == pytest.approx(whole['x_real_time'] / whole['floor'], rel=0.05)
    assert whole['target'] == 0.95  # This is a CPU.
    assert call['x_real_time'] < whole['x_real_time']  # Compilation, hashing and planning.


def test_memory_names_its_share_of_the_matrix_rate(capsys):
    (line,) = lines(capsys, '--case=memory', '--encoder=toy_conformer', '--batch-seconds=4')
    assert line['weights'] == 'random'
    each = line['gflop_per_second_per_device']
    assert each * line['devices'] == pytest.approx(
        line['x_real_time'] * line['gflop_per_second_of_audio'], rel=0.1, abs=0.2
    )
    assert line['of_matmul'] == pytest.approx(
        each / line['matmul_gflop_per_second'], rel=0.1, abs=0.01
    )


def test_a_stand_in_is_never_faster_than_its_rate(capsys):
    (line,) = lines(capsys, '--case=stand-in', '--encoder=muq', '--rate=20000', '--shards=1')
    assert 0 < line['of_device'] <= 1
    assert 0 < line['of_device_with_a_core'] <= 1
    assert line['shard_minutes'] == 30


def test_difference_is_in_units_of_each_layer():
    theirs = np.ones((3, 2, 4), np.float32) * np.array([1.0, 100.0], np.float32)[:, None]
    ours = theirs + np.array([0.5, 1.0], np.float32)[:, None]
    assert extract.difference({4: ours}, theirs) == 0.5


@pytest.mark.slow
def test_a_loop_in_torch_finds_the_same_features(capsys, folder):
    pytest.importorskip('torch')
    *_, line = lines(
        capsys, '--encoder=mert_v1_95m', '--batch-seconds=5', '--peer', folder, '--repeat=2'
    )
    assert line['case'] == 'peer'
    assert line['difference'] < 1e-3
    assert line['times_peer'] > 0
