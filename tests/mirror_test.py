"""Tests mirror the tree and cannot vanish."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / 'jaxprobe').rglob('*.py'))
TESTS = sorted((ROOT / 'tests').rglob('*_test.py'))

# Modules whose test has another name, and why.
ELSEWHERE = {
    'core/axes.py': 'layering_test.py',  # A table; the shape annotations that use it are checked.
}


def has_code(path: Path) -> bool:
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)


@pytest.mark.parametrize('path', MODULES, ids=lambda p: str(p.relative_to(ROOT / 'jaxprobe')))
def test_module_has_a_test(path):
    relative = path.relative_to(ROOT / 'jaxprobe')
    if str(relative) in ELSEWHERE or not has_code(path):
        return
    stem = relative.stem if relative.stem != '__main__' else 'main'
    expected = ROOT / 'tests' / relative.with_name(f'{stem}_test.py')
    assert expected.is_file(), f'{relative} has no {expected.relative_to(ROOT)}'


@pytest.mark.parametrize('path', TESTS, ids=lambda p: str(p.relative_to(ROOT / 'tests')))
def test_tests_can_fail(path):
    """No empty test, no test of `pass`, no unconditional skip, no xfail that cannot fail."""
    tree = ast.parse(path.read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    tests = [f for f in functions if f.name.startswith('test_')]
    assert tests, f'{path} holds no test'
    assert len({f.name for f in tests}) == len(tests), 'a test shadows another of its name'
    for test in tests:
        real = [n for n in test.body if not isinstance(n, ast.Pass | ast.Expr) or _calls(n)]
        assert real, f'{path}: {test.name} does nothing'
        for mark in (ast.unparse(d) for d in test.decorator_list):
            assert 'mark.skip(' not in mark, f'{path}: {test.name} is skipped outright'
            assert not mark.endswith('mark.skip'), f'{path}: {test.name} is skipped outright'
            assert 'xfail' not in mark or 'strict=True' in mark, f'{path}: {test.name}'


def test_one_pattern():
    strays = list((ROOT / 'tests').rglob('test_*.py'))
    assert not strays, f'tests are named *_test.py: {strays}'


@pytest.mark.parametrize('name', ['configs', 'benchmarks', 'tests', 'jaxprobe'])
def test_every_file_compiles(name):
    for path in (ROOT / name).rglob('*.py'):
        compile(path.read_text(), str(path), 'exec')


def _calls(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) for n in ast.walk(node))
