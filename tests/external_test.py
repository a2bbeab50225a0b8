"""A user's torch module and a HEAR package, from audio to report, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe.__main__ import main
from tests.encoders import torch_models

pytest.importorskip('torch')
ROOT = Path(__file__).resolve().parents[1]

CONFIG = """
from jaxprobe.core import config


def get_config(mode='full'):
    c = config.base()
    c.encoder = config.encoder('my_net:CARD')
    c.beside.toy_hear = config.encoder('toy_hear_card:CARD')
    c.probe.seeds, c.probe.epochs, c.probe.learning_rates = 1, 2, (1e-3,)
    c.analyse.resamples = 50
    c.tasks = {'synth_instrument': dict(items=(12, 8, 8))}
    return c
"""


def test_own_encoders_from_audio_to_report(tmp_path, capsys):
    files = {
        'my_net': torch_models.NET,
        'toy_hear': torch_models.HEAR,
        'toy_hear_card': torch_models.HEAR_CARD.replace('{module}', 'toy_hear'),
        'mine': CONFIG,
    }
    for name, source in files.items():
        (tmp_path / f'{name}.py').write_text(source.replace('{module}', name))
    command = [sys.executable, '-m', 'jaxprobe.launch', f'--config={tmp_path}/mine.py']
    command += [f'--workdir={tmp_path}/run', f'--config.data_dir={tmp_path}/data']
    path = f'{tmp_path}{os.pathsep}{ROOT}'
    done = subprocess.run(
        command,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert main(['verify', f'{tmp_path}/run']) == 0, capsys.readouterr().out
    results = {
        p.parent.name: json.loads(p.read_text()) for p in tmp_path.glob('run/results/*/*.json')
    }
    assert set(results) == {'net', 'toy_hear'}
    stores = {path.name for path in (tmp_path / 'stores').iterdir() if path.is_dir()}
    assert {name.rpartition('-')[0] for name in stores} == {'net', 'toy_hear'}
