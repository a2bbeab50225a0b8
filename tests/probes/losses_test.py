import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes import losses


@pytest.mark.parametrize('kind', ['multiclass', 'key', 'multilabel', 'regression'])
def test_losses_equal_torchs(kind):
    torch = pytest.importorskip('torch')
    random = np.random.RandomState(0)
    logits = (10 * random.randn(12, 5)).astype(np.float32)
    if kind in ('multiclass', 'key'):
        targets = random.randint(0, 5, 12)
        function = torch.nn.functional.cross_entropy
    elif kind == 'multilabel':
        targets = (random.rand(12, 5) < 0.5).astype(np.float32)
        function = torch.nn.functional.binary_cross_entropy_with_logits
    else:
        targets = random.randn(12, 5).astype(np.float32)
        function = torch.nn.functional.mse_loss
    rows = losses.per_row(kind, jnp.asarray(logits), jnp.asarray(targets))
    assert rows.shape == (12,)
    expected = float(function(torch.tensor(logits), torch.tensor(targets)))
    np.testing.assert_allclose(rows.mean(), expected, rtol=1e-6)


def test_padding_rows_weigh_nothing_even_if_they_are_not_numbers():
    rows = jnp.asarray([1.0, 2.0, 6.0, jnp.nan])
    assert float(losses.masked_mean(rows, jnp.asarray(3))) == 3
    assert float(losses.masked_mean(rows, jnp.asarray(2))) == 1.5


def test_squares_count_weights_and_biases_and_no_mix():
    layer = {'weight': jnp.full((2, 3), 2.0), 'bias': jnp.full((2,), 3.0)}
    params = {'layers': (layer, layer), 'mix': jnp.full((4,), 9.0)}
    assert float(losses.squares(params)) == 2 * (6 * 4 + 2 * 9)


def test_frames_without_a_target_weigh_nothing_and_unknown_tags_neither():
    logits = jnp.asarray([[1.0, -2.0], [0.5, 3.0], [9.0, 9.0], [2.0, 2.0]])
    nan = float('nan')
    targets = jnp.asarray([[1.0, 0.0], [0.0, nan], [nan, nan], [1.0, 1.0]])
    found = float(losses.of_frames('multilabel', logits, targets, 3))  # The last row is padding.
    first, second = losses.per_row('multilabel', logits[:2], jnp.nan_to_num(targets[:2]))
    unknown = np.log1p(np.exp(3.0))  # What the second frame's unknown tag would have cost.
    np.testing.assert_allclose(found, (first + second - unknown / 2) / 2, rtol=1e-6)
