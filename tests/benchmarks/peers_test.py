"""Our own pieces of the comparison with peers; no peer is needed."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.peers import __main__ as peers
from benchmarks.peers import arithmetic, data, marble_v1, mir_ref, process


def ran(seconds, first=0.0, last=0.0, epochs=1):
    return process.Ran(seconds, 0.0, first, last, epochs, Path())


def test_a_missing_peer_is_refused_with_how_to_get_it(capsys, tmp_path):
    assert peers.main(['--rows=v1,mir_ref']) == 2
    said = capsys.readouterr().err
    assert '--marble_v1=DIR' in said
    assert 'a43992899/MARBLE-Benchmark' in said
    assert '--mir_ref=DIR' in said
    assert '--marble_v2=DIR' not in said
    (tmp_path / 'benchmark').mkdir()
    (tmp_path / marble_v1.MARK).touch()
    assert peers.main(['--rows=v1', f'--marble_v1={tmp_path}']) == 2
    assert '--marble_v1_python=PY' in capsys.readouterr().err
    whole = ['--rows=v1', f'--marble_v1={tmp_path}', f'--marble_v1_python={sys.executable}']
    assert peers.main([*whole, f'--scratch={tmp_path}']) == 2
    assert 'is not empty' in capsys.readouterr().err
    assert peers.main(['--rows=v3']) == 2
    assert 'v1_shape' in capsys.readouterr().err


def test_the_sum_is_written_out():
    cells = [ran(30.0, 10.0, 28.0, 10), ran(50.0, 10.0, 49.0, 40)]
    line = arithmetic.extrapolated(cells, 84, 20.0, 34.0)
    assert line['extrapolated_s'] == 20 + 84 * 40 == 3380
    assert line['formula'] == '20.0 + 84 * 40.00 = 3380 s'
    assert line['ratio'] == round(3380 / 34, 1)
    assert line['epoch_s'] == [2.0, 1.0]
    line = arithmetic.at_epochs(cells, 20.0, 84, 20.0)
    assert line['extrapolated_at_our_epochs_s'] == 20 + 84 * (10 + 20 * 1.5)
    started, once = arithmetic.in_one_process(cells)
    line = arithmetic.extrapolated(started, 18, once, 10.0)
    assert line['extrapolated_s'] == 10 + 18 * 30
    assert line['epoch_s'] == [2.0, 1.0]
    line = arithmetic.by_epochs(12.0, 2.0, 30.0, 78, 0.0, 56.16)
    assert line['extrapolated_s'] == 78 * 72
    assert line['ratio'] == 100.0
    assert '12.0 + 30.0 epochs * 2.00 = 72.0 s a cell' in line['cell_formula']


def test_measured_cells_differ_in_layer_and_rate():
    layers, rates = marble_v1.LAYERS, (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)
    three = arithmetic.spread(layers, rates, 3)
    assert three[0] == ('all', 5e-5)
    assert three[-1] == ('0', 1e-2)
    assert len({layer for layer, _ in three}) == len({rate for _, rate in three}) == 3
    assert len(set(arithmetic.spread(layers, rates, 84))) == 84
    with pytest.raises(ValueError, match='85 cells of 84'):
        arithmetic.spread(layers, rates, 85)


def test_every_tool_reads_the_same_seconds(tmp_path):
    sounds = tmp_path / 'recordings'
    sounds.mkdir()
    tone = np.sin(np.arange(3000) / 9).astype(np.float32)
    soundfile.write(sounds / '3_me_0.wav', tone, 8000)
    clip = data.second(sounds / '3_me_0.wav')
    assert clip.shape == (data.RATE,)
    assert np.abs(clip).max() > 0.5
    np.testing.assert_array_equal(clip[9000:10000], clip[:1000])  # Repeated, not padded.
    chosen = data.clips()
    assert [sum(c.split == s for c in chosen) for s in ('train', 'valid', 'test')] == [
        442,
        197,
        290,
    ]
    data.lists(tmp_path, chosen)
    assert len((tmp_path / 'train_filtered.txt').read_text().split()) == 442
    rows = [json.loads(row) for row in (tmp_path / 'GTZANGenre.val.jsonl').read_text().splitlines()]
    assert {row['label'] for row in rows} == {c.name.split('/')[0] for c in chosen}
    assert rows[0]['num_samples'] == rows[0]['sample_rate'] == data.RATE


def test_synthetic_classes_overlap_and_can_be_learned():
    labels = [k % 10 for k in range(540)]
    rows = data.synthetic(540, 2, 768, labels)
    assert rows.shape == (540, 2, 768)
    assert rows.dtype == np.float32
    centres = np.stack([rows[:440, 0][np.arange(440) % 10 == k].mean(0) for k in range(10)])
    found = ((rows[440:, 0, None] - centres) ** 2).sum(-1).argmin(-1)
    assert 0.5 < (found == labels[440:]).mean() < 0.95


def test_epochs_are_read_from_what_a_program_prints(tmp_path):
    code = "import time\nfor k in range(3): print(f'Epoch {k}: 10%', end='\\r'); time.sleep(0.05)"
    found = process.run([sys.executable, '-c', code], tmp_path, tmp_path / 'log')
    assert found.epochs == 3
    assert 0 < found.first < found.last < found.seconds
    assert found.per_epoch == pytest.approx((found.last - found.first) / 2)
    with pytest.raises(process.Failed, match='why it failed'):
        process.run(
            [sys.executable, '-c', 'raise SystemExit("why it failed")'], tmp_path, tmp_path / 'log'
        )


def test_the_head_that_mir_ref_infers():
    assert mir_ref.hidden('infer', 768) == (390,)  # 10 + 758 / 2 = 389, made even.
    assert mir_ref.hidden('linear', 768) == ()
    assert mir_ref.hidden('mlp', 768) == (256, 128)
