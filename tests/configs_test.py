"""Every config loads in both modes, resolves, and stays a lab note: plain data, no jax."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe import plan
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import ENCODERS, card

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / 'configs').glob('*.py'))


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config


def test_the_promised_configs_exist():
    assert {'demo', 'muq', 'musicfm', 'musicnn', 'own_data'} <= {p.stem for p in FILES}


@pytest.mark.parametrize('name', [n for n in ENCODERS if card(n).weights.kind != 'none'])
def test_every_model_has_a_config_of_its_name(name):
    assert load(ROOT / 'configs' / f'{name}.py')('full').encoder.name == name


@pytest.mark.parametrize('mode', ['full', 'smoke'])
@pytest.mark.parametrize('path', FILES, ids=lambda p: p.stem)
def test_config_resolves(path, mode, tmp_path):
    config = load(path)(mode)
    if path.stem == 'marble':  # Its modes are encoders.
        config = load(path)('musicnn_msd' if mode == 'full' else 'musicnn_msd_smoke')
        assert config.encoder.name == 'musicnn_msd'
    if path.stem == 'own_data' and mode == 'full':
        lines = ['path,split,label', *(f'{s}.wav,{s},x' for s in ('train', 'valid', 'test'))]
        (tmp_path / 'labels.csv').write_text('\n'.join(lines))
        config.manifest = str(tmp_path / 'labels.csv')
    found = plan.resolve(config, tmp_path)
    assert found.encoders
    assert found.tasks


@pytest.mark.parametrize('path', FILES, ids=lambda p: p.stem)
def test_misspelt_mode_names_the_near_one(path, tmp_path):
    if path.stem == 'marble':
        with pytest.raises(ConfigError, match="Did you mean 'muq'"):
            plan.resolve(load(path)('muk'), tmp_path)
        return
    with pytest.raises(ConfigError, match="Did you mean 'smoke'"):
        load(path)('smoek')


@pytest.mark.parametrize('path', FILES, ids=lambda p: p.stem)
def test_a_config_is_plain_data_with_its_command(path):
    tree = ast.parse(path.read_text())
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert modules == {'jaxprobe.core'}
    text = ast.get_docstring(tree) or ''
    assert f'--config=configs/{path.stem}.py' in text
    assert '?' in text.splitlines()[0], 'the first line says what question is asked'


def test_reading_a_config_imports_no_jax():
    code = (
        'import sys; sys.path.insert(0, "configs"); import demo; demo.get_config();'
        'print([m for m in ("jax", "librosa", "transformers", "tensorflow") if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == '[]'


def test_marble_asks_for_the_whole_track():
    from jaxprobe.reports import marble

    config = load(ROOT / 'configs/marble.py')('muq')
    assert set(config.tasks) == set(marble.TRACK)
    assert config.skip_missing
    assert not any(config.tasks.values()), 'every task in its own protocol'
