import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.hubert import architecture, card

CONTRIBUTING = Path(__file__).parents[3] / 'CONTRIBUTING.md'
(OWN,) = re.findall(
    r'<!-- card: hubert_large -->\n```python\n(.*?)```', CONTRIBUTING.read_text(), re.DOTALL
)


@pytest.mark.parametrize('found', card.CARDS, ids=lambda c: c.name)
def test_registered_and_consistent(found):
    assert base.card(found.name) == found
    assert [layer.name for layer in found.layers][:2] == ['input', 'block1']
    assert len(found.layers) == found.architecture.depth + 1
    assert found.mix == tuple(range(1, len(found.layers)))  # MARBLE v1 leaves the input out.
    assert found.frame_rate == found.sample_rate / 320
    assert found.min_samples == 400
    assert not found.zero_pad
    a = found.architecture
    cost = architecture.gflop_per_second(a, found.sample_rate, found.window_seconds)
    assert found.gflop_per_second == pytest.approx(cost, abs=0.05)


def test_the_zscore_of_every_checkpoint():
    """MARBLE v1's, which is the default protocol: all but the 330M model."""
    raw = [c.name for c in card.CARDS if c.normalise == 'none']
    assert raw == ['mert_v1_330m']


@pytest.mark.parametrize('found', card.CARDS, ids=lambda c: c.name)
def test_presets(found):
    presets = {preset.name: preset for preset in found.presets}
    assert presets['marble_v1'].options == {'normalise': found.options[0].default}
    assert ('marble_v2' in presets) == found.name.startswith('mert_v1')  # What v2 has.
    if 'marble_v2' in presets:
        assert presets['marble_v2'].window_seconds == 0  # v2's clips differ by task.
        assert presets['marble_v2'].options == {'normalise': 'window'}
    assert 'pad' not in {presets[name].tail for name in presets}
    assert ('mert_paper' in presets) == found.name.startswith('mert')
    for preset in found.presets:
        base.card(found.name, preset.options)  # Every value is one the card knows.


@pytest.mark.parametrize(
    ('how', 'loader'), [('item', 'zscore'), ('window', 'none'), ('none', 'none')]
)
def test_who_takes_the_zscore(how, loader):
    assert base.card('hubert_base', {'normalise': how}).normalise == loader


def test_unknown_options():
    with pytest.raises(ConfigError, match='normalise'):
        base.card('hubert_base', {'normalize': 'item'})
    with pytest.raises(ConfigError, match=r'4\.x, 5\.x'):
        base.card('hubert_base', {'hidden_states': '3.x'})


def test_sizes_of_the_published():
    sizes = {c.name: (c.sample_rate, len(c.layers), c.layers[0].width) for c in card.CARDS}
    assert sizes == {
        'hubert_base': (16000, 13, 768),
        'musichubert': (16000, 13, 768),
        'mert_v0': (16000, 13, 768),
        'mert_v0_public': (16000, 13, 768),
        'mert_v1_95m': (24000, 13, 768),
        'mert_v1_330m': (24000, 25, 1024),
    }


def test_a_new_checkpoint_is_ten_lines(tmp_path, monkeypatch):
    """By its dotted path, without a change in this package; a registry line gives it a name."""
    assert len(OWN.splitlines()) <= 12  # Ten, an import and an empty one.
    (tmp_path / 'own_checkpoint.py').write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = 'own_checkpoint:HUBERT_LARGE'
    assert base.card(path).gflop_per_second > 30
    encoder = base.load(path, weights='random', arch='tiny', options={'hidden_states': '5.x'})
    assert 'feature_extractor.conv_layers.6.conv.bias' in encoder.params
    states = jax.jit(encoder.encode)(encoder.params, np.zeros((1, 4000), np.float32))
    assert states.shape == (1, 3, 12, 32)


def test_reading_a_card_imports_no_jax():
    code = (
        'import sys; from jaxprobe.encoders import base; base.card("mert_v1_95m");'
        'base.card("music2vec", {"normalise": "window"});'
        'sys.exit(any(m in sys.modules for m in ("jax", "flax", "torch", "transformers")))'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
