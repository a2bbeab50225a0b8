"""The example of CONTRIBUTING is a deformation that a config can name."""

import re
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.deform import chain
from tests.deform import against_audiomentations as other

TEXT = (Path(__file__).resolve().parents[2] / 'CONTRIBUTING.md').read_text()
EXAMPLES = dict(re.findall(r'<!-- deformation: (\w+) -->\n```python\n(.*?)```', TEXT, re.DOTALL))


@pytest.fixture
def written(tmp_path, monkeypatch):
    (name,) = EXAMPLES
    (tmp_path / f'{name}.py').write_text(EXAMPLES[name])
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_the_example_works_as_the_command_beside_it_says(written):
    asked = re.search(rf'study\.deform=({written}\S+)', TEXT)
    assert asked
    chains = chain.parse(asked[1])
    assert [one.name for one in chains] == [f'{written}:CARD:3000', f'{written}:CARD:1500>noise:15']
    wave = other.wave()
    out = chains[0].apply(wave, other.RATE, root=0, clip='a')
    assert out.dtype == np.float32
    power = np.abs(np.fft.rfft(out)) ** 2  # Bins of 1 Hz.
    assert power[200:3001].sum() > 0.999 * power.sum()
    assert not np.array_equal(chains[1].apply(wave, other.RATE, root=0, clip='a'), out)
    low = chain.one(f'{written}:CARD:3000:low=400').apply(wave, other.RATE, root=0, clip='a')
    assert (np.abs(np.fft.rfft(low)) ** 2)[:400].sum() < 1e-6 * power.sum()
