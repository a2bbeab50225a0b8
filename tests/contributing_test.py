"""The examples of CONTRIBUTING keep the contract of an encoder as they stand there."""

import re
from pathlib import Path

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.contract import contract
from tests.encoders import torch_models

TEXT = (Path(__file__).resolve().parents[1] / 'CONTRIBUTING.md').read_text()
SNIPPETS = dict(re.findall(r'<!-- snippet: (\w+) -->\n```python\n(.*?)```', TEXT, re.DOTALL))


def test_there_is_an_example_of_each_kind():
    assert set(SNIPPETS) == {'my_torch', 'my_hear', 'my_jax'}
    assert '[project.entry-points."jaxprobe.encoders"]' in TEXT


@pytest.mark.parametrize('name', SNIPPETS)
def test_an_example_keeps_the_contract(name, tmp_path, monkeypatch):
    if name != 'my_jax':
        pytest.importorskip('torch')
    package = torch_models.HEAR.replace('sample_rate = 1000', 'sample_rate = 16000')
    package = package.replace('// 50 * 50', '// 800 * 800').replace(
        '-1, 50)', '-1, 50, 16).mean(3)'
    )
    torch_models.write(monkeypatch, tmp_path, 'hear_package', package)
    torch_models.write(monkeypatch, tmp_path, name, SNIPPETS[name])
    findings = contract(base.load(f'{name}:CARD'))
    assert [finding for finding in findings if not finding.ok] == []
