import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes import draws
from jaxprobe.probes.separation import head as heads

APPLY = jax.jit(heads.apply, static_argnames='dropout')
ORIGIN = draws.Origin(0, 'stems', 0)
SIZES = [
    heads.MaskHead(bins=9, hidden=8, lstm_layers=1, dropout=0.0),
    heads.MaskHead(bins=9, hidden=8, lstm_layers=3, bidirectional=True),
]


def made(*args, **options):
    """Parameters on the device, as the bank has them."""
    return jax.tree.map(jnp.asarray, heads.init(*args, **options))


def windows(b=3, t=7, d=5, seed=0):
    return jnp.asarray(np.random.RandomState(seed).randn(b, t, d).astype(np.float32))


@pytest.mark.parametrize('head', SIZES, ids=('uni', 'bi'))
def test_torch_has_the_same_masks_in_training_and_after(head):
    torch = pytest.importorskip('torch')
    from tests.probes.separation.reference import Solo

    params, stats = made(ORIGIN, head, 5)
    solo = Solo(params, head)
    key = draws.dropout_key(ORIGIN)
    keeps = tuple(
        draws.keep(key, 0, 0, k, (21, head.hidden), head.dropout).reshape(3, 7, head.hidden)
        for k in range(head.lstm_layers - 1)
    )
    real = jnp.ones(3, bool)
    for _ in range(2):
        mask, stats = APPLY(params, stats, windows(), real, keeps, dropout=head.dropout)
        wanted = solo.train()(torch.tensor(np.array(windows())), [np.array(k) for k in keeps])
        np.testing.assert_allclose(mask, wanted.detach(), atol=1e-5)
    with torch.no_grad():
        wanted = solo.eval()(torch.tensor(np.array(windows(seed=1))))
    mask, after = APPLY(params, stats, windows(seed=1))
    np.testing.assert_allclose(mask, wanted, atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, after, stats)


def test_windows_that_fill_the_shape_change_nothing():
    params, stats = made(ORIGIN, SIZES[0], 5)
    x = windows()
    alone, expected = APPLY(params, stats, x[:2], jnp.ones(2, bool))
    wild = x.at[2].set(1e3)
    mask, found = APPLY(params, stats, wild, jnp.array([True, True, False]))
    np.testing.assert_allclose(mask[:2], alone, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)


def test_heads_of_a_seed_start_equal_and_padding_is_dead():
    params, stats = made(ORIGIN, SIZES[0], 5)
    again, _ = made(ORIGIN, SIZES[0], 5, pad_to=8)
    np.testing.assert_array_equal(again['fc1'][:, :5], params['fc1'])
    padded = jnp.pad(windows(), ((0, 0), (0, 0), (0, 3)))
    np.testing.assert_allclose(
        APPLY(again, stats, padded)[0], APPLY(params, stats, windows())[0], atol=1e-6
    )
    other, _ = made(ORIGIN._replace(seed=1), SIZES[0], 5)
    assert not np.array_equal(other['fc1'], params['fc1'])


def test_blend_is_a_softmax():
    params, _ = made(ORIGIN, SIZES[0], 5, mixed=2)
    two = jnp.stack([windows(), windows(seed=1)])
    weights = np.exp(params['mix']) / np.exp(params['mix']).sum()
    expected = weights[0] * two[0] + weights[1] * two[1]
    np.testing.assert_allclose(heads.blend(params, two), expected, atol=1e-6)
    fixed, _ = made(ORIGIN, SIZES[0], 5)
    np.testing.assert_array_equal(heads.blend(fixed, two[1:]), two[1])


@pytest.mark.parametrize('head', [*SIZES, heads.MaskHead()], ids=('uni', 'bi', 'full'))
def test_count(head):
    params, _ = made(ORIGIN, head, 5)
    assert heads.count(head, 5) == sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_published_shape():
    """Open-Unmix's numbers: 512 units, three layers; one way each has all of them, else half."""
    one, two = (heads.init(ORIGIN, heads.MaskHead(bidirectional=b), 768)[0] for b in (False, True))
    assert [p['lstm'][0][0]['weight_hh'].shape for p in (one, two)] == [(2048, 512), (1024, 256)]
    assert [len(p['lstm'][0]) for p in (one, two)] == [1, 2]
    assert one['fc2'].shape == two['fc2'].shape == (512, 1024)
    assert one['fc3'].shape == (1025, 512)
