import subprocess
import sys

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.muq import architecture, card

CARDS = (card.MUQ, card.MUSICFM_MSD, card.MUSICFM_FMA)


@pytest.mark.parametrize('found', CARDS, ids=lambda c: c.name)
def test_registered_and_consistent(found):
    assert base.card(found.name) is found
    assert [layer.name for layer in found.layers][:2] == ['stem', 'block1']
    assert len(found.layers) == 13
    assert found.mix == tuple(range(1, 13))  # MARBLE v1 leaves the stem out.
    assert found.window_samples == 720_000


@pytest.mark.parametrize('found', CARDS, ids=lambda c: c.name)
def test_cost_is_the_architectures(found):
    a = architecture.resolve(found.name, '')
    computed = architecture.gflop_per_second(a, found.window_seconds)
    assert computed == pytest.approx(found.gflop_per_second, rel=0.01)


def test_parity_names_the_statistics_it_was_measured_with():
    """One fixture serves both MusicFM; FMA's own statistics were never held to a reference."""
    said = {found.name: 'statistics of MSD' in found.parity.reference for found in CARDS}
    assert said == {'muq': False, 'musicfm_msd': False, 'musicfm_fma': True}


def test_licences():
    assert card.MUQ.weights_licence == 'CC-BY-NC-4.0'
    assert card.MUSICFM_FMA.weights_licence == 'MIT'


def test_reading_a_card_imports_no_jax():
    code = (
        'import sys; from jaxprobe.encoders import base; base.card("muq");'
        'sys.exit(any(m in sys.modules for m in ("jax", "flax", "torch", "transformers")))'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
