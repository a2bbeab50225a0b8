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


# Config of a reproduction -> the paper, and its tables, whose numbers it is to be compared with.
REPRODUCED = {
    'layerwise': ('zhou2025_layerwise', ('fig2a', 'fig2b', 'table1')),
    'speech_ssl': ('ma2023_speech_ssl', ('table1',)),
    'mir_ref': ('plachouras2023_mir_ref', tuple(f'table{k}' for k in range(4, 10))),
}


@pytest.mark.parametrize('name', REPRODUCED)
def test_a_reproduction_asks_for_every_number_of_its_paper(name, tmp_path):
    """Encoders, tasks, metrics, sources and heads: whatever the paper has printed and we can do."""
    from jaxprobe.literature import match, table
    from jaxprobe.probes import head_shapes

    key, tables = REPRODUCED[name]
    asked = plan.resolve(load(ROOT / 'configs' / f'{name}.py')('full'), tmp_path)
    heads = [head.name for head in head_shapes.parse(asked.study.heads)]
    assert {row.table for row in table.rows() if row.paper == key} == set(tables)
    tasks = {task.name: task for task in asked.tasks}
    sources = {
        e.name: [s._asdict() for s in plan.sources(e.card, e.sources)] for e in asked.encoders
    }
    layers = {e.name: [{'index': k} for k in range(len(e.card.layers))] for e in asked.encoders}
    wanted = set()
    for row in table.rows():
        ours = match.ours(row)
        if row.paper != key or isinstance(ours, str):
            continue
        wanted.add((ours.encoder, ours.task))
        task = tasks[ours.task]
        options = {name: str(value) for name, value in task.options.items()}
        assert table.holds(ours.needs, options), (row, options)
        assert ours.metric in task.metrics, row
        found = match.find(ours.reads, layers[ours.encoder], sources[ours.encoder])
        assert found, row
        own = match.probe({'hidden': task.protocol.hidden})
        assert ours.head in ('', own, *heads), row
    assert {task for _, task in wanted} == set(tasks), 'nothing else is asked'
    assert {encoder for encoder, _ in wanted} == set(sources)
    assert asked.skip_missing


def test_marble_compares_with_every_number_of_its_tables(tmp_path):
    from jaxprobe.literature import match, table

    rows = [row for row in table.rows() if row.paper == 'yuan2023_marble']
    for encoder in sorted({match.encoder(row) for row in rows} - {''}):
        asked = plan.resolve(load(ROOT / 'configs/marble.py')(encoder), tmp_path)
        metrics = {task.name: task.metrics for task in asked.tasks}
        for row in rows:
            ours = match.ours(row)
            if isinstance(ours, match.Ours) and ours.encoder == encoder:
                assert ours.metric in metrics[ours.task]
                assert ours.reads == 'selected'
