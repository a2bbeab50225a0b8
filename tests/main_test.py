"""The `jaxprobe` command: every verb answers, helps, and says what was mistyped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe.__main__ import VERBS, main
from tests.tasks import trees

ROOT = Path(__file__).resolve().parents[1]


def test_no_verb_prints_help(capsys):
    assert main([]) == 0
    assert 'jaxprobe ls encoders' in capsys.readouterr().out


def test_mistyped_verb_names_the_near_one(capsys):
    assert main(['chek']) == 1
    assert "Did you mean 'check'" in capsys.readouterr().err


@pytest.mark.parametrize('verb', sorted(set(VERBS) - {'run', 'plan'}))
def test_help_of_every_verb_has_an_example(verb, capsys):
    with pytest.raises(SystemExit) as done:
        main([verb, '--help'])
    assert done.value.code == 0
    assert f'jaxprobe {verb}' in capsys.readouterr().out.split('examples:')[1]


def test_plan_help(capsys):
    assert main(['plan', '--help']) == 0
    assert 'jaxprobe plan --config=configs/demo.py' in capsys.readouterr().out


@pytest.mark.parametrize('what', ['encoders', 'tasks', 'datasets'])
def test_ls_as_table_and_json(what, capsys):
    assert main(['ls', what]) == 0
    table = capsys.readouterr().out
    assert main(['ls', what, '--json']) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert all(row['name'] in table for row in rows)


def test_ls_is_light():
    """`jaxprobe ls` answers at once: it may not import what takes a second."""
    code = (
        'import sys; from jaxprobe.__main__ import main; main(["ls", "encoders"]);'
        'main(["ls", "tasks"]); heavy = ["jax", "librosa", "transformers", "flax", "matplotlib"];'
        'print("HEAVY", [m for m in heavy if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith('HEAVY []')


def test_unknown_task_and_encoder(capsys):
    assert main(['prepare', 'synth_pich']) == 1
    assert "Did you mean 'synth_pitch'" in capsys.readouterr().err
    assert main(['check', 'encoder', 'muqq']) == 1
    assert "Did you mean 'muq'" in capsys.readouterr().err


def test_data_of_the_environment_are_found(tmp_path, monkeypatch, capsys):
    trees.emomusic(tmp_path)
    monkeypatch.setenv('JAXPROBE_DATA', str(tmp_path))
    assert main(['prepare', 'emomusic']) == 0
    assert 'train 3 of 3' in capsys.readouterr().out


def test_verbs_name_their_own_flags(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path))
    assert main(['check', 'encoder', 'muq']) == 1
    said = capsys.readouterr().err
    assert 'give --weights=PATH' in said
    assert '--config' not in said
    assert main(['prepare', 'own_data']) == 1
    assert '--option=manifest=labels.csv' in capsys.readouterr().err
    assert main(['prepare', 'magnatagatune', '--option=split']) == 1
    assert '--option=split has no value' in capsys.readouterr().err


def test_verify_of_no_folder_says_so(tmp_path, capsys):
    assert main(['verify', str(tmp_path / 'runs/demoo')]) == 1
    said = capsys.readouterr()
    assert 'demoo is not a folder' in said.err
    assert not said.out


def test_prepare_without_data_says_what_to_get(tmp_path, capsys):
    assert main(['prepare', 'gtzan_genre', f'--data_dir={tmp_path}']) == 1
    text = capsys.readouterr().out
    assert '930' in text or '929' in text or '442' in text
    assert 'licence' in text.lower()


def test_diff_says_same_different_or_error_by_its_exit_status(tmp_path, capsys):
    from jaxprobe.core import fs
    from tests.stages.difference import made

    a = made.run(tmp_path / 'a')
    b = made.copied(a, tmp_path / 'b')
    assert main(['diff', str(a), str(b)]) == 0
    assert capsys.readouterr().out.endswith('no difference.\n')
    fs.write_json(b / 'plan.json', {'seed': 1, 'store_dir': ''})
    assert main(['diff', str(a), str(b), '--json']) == 1
    found = json.loads(capsys.readouterr().out)
    assert {c['what'] for c in found['changes'] if c['part'] != 'aside'} == {'seed', 'probe'}
    assert main(['diff', str(a), str(tmp_path)]) == 2
    assert 'holds no results' in capsys.readouterr().err


def test_report_writes_scalars_for_tensorboard(tmp_path, capsys, monkeypatch):
    from jaxprobe.reports import build
    from tests.stages.difference import made

    monkeypatch.setattr(build, 'build', lambda workdirs, out, **options: [out / 'index.html'])
    workdir = made.run(tmp_path)
    assert main(['report', str(workdir), f'--tensorboard={tmp_path / "tb"}']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(Path(line).is_file() for line in lines[1:])
