"""Registering an encoder is what makes it tested: every name of the registry keeps the contract.

Signal processing is tested as it is; models as small untrained ones of the same code, and with
their published weights in `tests/parity`.
"""

import subprocess
import sys

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.contract import contract


def small(name):
    """What loads an encoder without any file."""
    if base.card(name).weights.kind == 'none':
        return {}
    return {'weights': 'random', 'arch': 'tiny'}


def loaded(name, **more):
    return base.load(name, **small(name), **more)


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_encoder_keeps_the_contract(name):
    findings = contract(loaded(name))
    assert [finding for finding in findings if not finding.ok] == []


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_card_of_the_published_model_is_complete(name):
    card = base.card(name)
    assert card.name == name
    assert card.title
    assert card.training_data
    assert card.gflop_per_second > 0
    assert card.window_samples == round(card.window_seconds * card.sample_rate)
    assert 0 < card.min_samples <= card.window_samples
    assert card.hop_samples <= card.window_samples
    assert 0 <= card.lead_samples < card.window_samples
    assert card.input_samples == card.lead_samples + card.window_samples
    assert card.weights.kind in ('hub', 'wheel', 'file', 'none')
    if card.weights.kind != 'none':
        assert card.weights.how
        assert card.weights.size or 'size is not known' in card.weights.how
        assert card.citation
        assert card.homepage.startswith('https://')


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_loading_twice_gives_the_same_weights(name):
    import jax
    import numpy as np

    one, other = loaded(name), loaded(name)
    assert one.weights_sha256 == other.weights_sha256
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize('name', [n for n in base.ENCODERS if small(n)])
def test_random_weights_follow_the_seed(name):
    import jax
    import numpy as np

    one, other = loaded(name, seed=1), loaded(name, seed=2)
    assert one.weights_sha256 == 'random-1'
    assert other.weights_sha256 == 'random-2'
    pairs = zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    assert any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)


def test_reading_every_card_imports_no_jax():
    program = (
        'import sys; from jaxprobe.encoders import base;'
        '[base.card(name) for name in base.ENCODERS];'
        'print([m for m in ("jax", "flax", "librosa", "transformers") if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == '[]'
