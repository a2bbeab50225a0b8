import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.effnet_discogs.depthwise import depthwise

torch = pytest.importorskip('torch')

STATE = np.random.RandomState(0)
X = STATE.standard_normal((2, 9, 12, 4)).astype(np.float32)


@pytest.mark.parametrize('taps', [(5, 3)])
@pytest.mark.parametrize('strides', [(1, 1), (2, 1)])
@pytest.mark.parametrize(
    ('padding', 'pads'),
    [('VALID', None), ('SAME', None), (((1, 2), (0, 1)), (0, 1, 1, 2))],
)
def test_depthwise_equals_torch(taps, strides, padding, pads):
    kernel = STATE.standard_normal((*taps, 4)).astype(np.float32)
    if padding == 'SAME':
        pads = []
        for size, tap, stride in zip((12, 9), taps[::-1], strides[::-1], strict=True):
            total = max(0, (-(-size // stride) - 1) * stride + tap - size)
            pads += [total // 2, total - total // 2]
    maps = torch.nn.functional.pad(torch.tensor(X.transpose(0, 3, 1, 2)), pads or (0, 0))
    theirs = torch.nn.functional.conv2d(
        maps, torch.tensor(kernel.transpose(2, 0, 1)[:, None].copy()), stride=strides, groups=4
    )
    ours = np.asarray(depthwise(jnp.asarray(X), jnp.asarray(kernel), strides, padding)).transpose(
        0, 3, 1, 2
    )
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_the_odd_zero_comes_last():
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1, 1)
    ones = np.ones((3, 1, 1), np.float32)
    found = np.asarray(depthwise(jnp.asarray(x), jnp.asarray(ones), (2, 1), 'SAME')).ravel()
    np.testing.assert_array_equal(found, [6, 7])  # 1 2 3, 3 4 0: not 0 1 2, 2 3 4.


def test_a_kernel_without_taps():
    with pytest.raises(ValueError, match='without taps'):
        depthwise(jnp.asarray(X), jnp.zeros((0, 3, 4)), (1, 1), 'VALID')
