import jax
import numpy as np
import pytest

from jaxprobe.probes import draws

ORIGIN = draws.Origin(0, 'task', 1)


def test_draws_depend_on_every_name_and_on_nothing_else():
    first = draws.order(ORIGIN, 3, 50)
    np.testing.assert_array_equal(first, draws.order(draws.Origin(0, 'task', 1), 3, 50))
    others = [
        draws.order(draws.Origin(1, 'task', 1), 3, 50),
        draws.order(draws.Origin(0, 'other', 1), 3, 50),
        draws.order(draws.Origin(0, 'task', 2), 3, 50),
        draws.order(ORIGIN, 4, 50),
    ]
    assert all((other != first).any() for other in others)
    assert sorted(first) == list(range(50))


def test_origins_number_the_seeds():
    assert draws.origins(7, 'x', range(2)) == (draws.Origin(7, 'x', 0), draws.Origin(7, 'x', 1))


def test_linear_is_torchs_initialisation():
    layer = draws.linear(ORIGIN, 0, 400, 300)
    assert layer['weight'].shape == (300, 400)
    for leaf in layer.values():
        assert leaf.dtype == np.float32
        assert np.abs(leaf).max() <= 1 / 20
        np.testing.assert_allclose(leaf.std(), 1 / 20 / np.sqrt(3), rtol=0.1)
    assert (draws.linear(ORIGIN, 1, 400, 300)['weight'] != layer['weight']).any()


def test_mix_logits_are_standard_normal():
    drawn = np.stack([draws.mix_logits(draws.Origin(0, 't', s), 12) for s in range(300)])
    assert abs(drawn.mean()) < 0.05
    assert abs(drawn.std() - 1) < 0.05


@pytest.mark.parametrize('dropout', [0.2, 0.5])
def test_keep_drops_the_share_and_padding_changes_no_row(dropout):
    key = draws.dropout_key(ORIGIN)
    mask = draws.keep(key, 2, 5, 0, (64, 300), dropout)
    assert abs(float(mask.mean()) - (1 - dropout)) < 0.02
    wide = draws.keep(key, 2, 5, 0, (80, 300), dropout)
    np.testing.assert_array_equal(wide[:64], mask)
    for epoch, step, layer in ((3, 5, 0), (2, 6, 0), (2, 5, 1)):
        assert (draws.keep(key, epoch, step, layer, (64, 300), dropout) != mask).any()


def test_dropout_key_is_threefry_whatever_the_default():
    with jax.default_prng_impl('rbg'):
        key = draws.dropout_key(ORIGIN)
    assert 'threefry' in str(jax.random.key_impl(key))
