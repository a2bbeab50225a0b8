"""Imports flow downwards, and every heavy library has one home (DESIGN section 3)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'jaxprobe'

FLOOR = {
    'core': 0,
    'audio': 1,
    'encoders': 1,
    'deform': 1,
    'probes': 1,
    'metrics': 1,
    'decoding': 1,
    'analysis': 1,
    'literature': 1,
    'tasks': 2,
    'features': 2,
    'plan': 3,
    'stages': 4,
    'reports': 4,
    'launch': 5,
    '__main__': 6,
}

# Library -> places that may import it: a package, or one file.
HOME = {
    'array_record': {'core/records.py'},
    'etils': {'core/objects.py'},
    'flax': {'encoders'},
    'transformers': {'encoders'},
    'safetensors': {'encoders'},
    'huggingface_hub': {'encoders'},
    'h5py': {'encoders'},
    'optax': {'probes'},
    'orbax': {'stages/cluster.py'},
    'grain': {'features'},
    'mir_eval': {'metrics'},
    'matplotlib': {'reports'},
    'tensorflow_datasets': {'tasks'},
    'mirdata': {'tasks'},
    'soundfile': {'audio', 'deform', 'tasks'},
    'soxr': {'audio', 'deform'},
    'jax': {'encoders', 'probes', 'decoding', 'analysis', 'features', 'stages', 'launch.py'},
    'torch': {'encoders/external_torch.py'},
    'tensorflow': set(),
    'sklearn': set(),
    'pandas': set(),
}

FILES = sorted(PACKAGE.rglob('*.py'))


def imports(path: Path) -> list[str]:
    """Every module a file imports, at the top or inside a function."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            module = node.module or ''
            found += [f'{module}.{a.name}' if module == 'jaxprobe' else module for a in node.names]
    return found


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix('.py')


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_flow_downwards(path):
    here = room(path)
    for name in imports(path):
        parts = name.split('.')
        if parts[0] != 'jaxprobe' or len(parts) == 1 or parts[1] == here:
            continue
        assert here != '__init__', 'jaxprobe/__init__.py imports nothing'
        assert FLOOR[parts[1]] < FLOOR[here], f'{here} (floor {FLOOR[here]}) imports {name}'


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_at_home(path):
    relative = path.relative_to(PACKAGE)
    for name in imports(path):
        homes = HOME.get(name.split('.')[0])
        if homes is not None:
            assert relative.parts[0] in homes or str(relative) in homes, f'{relative}: {name}'


def test_every_room_has_a_floor():
    rooms = {room(path) for path in FILES} - {'__init__'}
    assert rooms <= set(FLOOR), rooms - set(FLOOR)


def test_package_root_is_empty():
    assert (PACKAGE / '__init__.py').read_text() == ''
