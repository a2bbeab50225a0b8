import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.jukebox import vqvae, weights
from jaxprobe.encoders.jukebox.architecture import TINY, Architecture


@pytest.fixture(scope='module')
def params():
    return weights.random(TINY, 0)[0]


@pytest.mark.parametrize('samples', [8192, 8192 + 100])
def test_one_frame_per_128_samples(params, samples):
    wave = jax.ShapeDtypeStruct((2, samples), np.float32)
    shape = jax.eval_shape(lambda p, w: vqvae.latent(TINY, p, w), params, wave)
    assert shape.shape == (2, samples // 128, TINY.emb_width)


def test_jukemirs_25_seconds_are_more_than_8192_tokens():
    a = Architecture()
    params = {n: jax.ShapeDtypeStruct(s, np.float32) for n, s in vqvae.shapes(a).items()}
    wave = jax.ShapeDtypeStruct((1, 1102500), np.float32)
    shape = jax.eval_shape(lambda p, w: vqvae.latent(a, p, w), params, wave)
    assert shape.shape == (1, 8613, 64)


def test_what_comes_after_a_window_moves_its_last_frames(params):
    """Why jukemir's window of 25 s is one of its own: the encoder looks ahead."""
    wave = np.random.RandomState(0).uniform(-1, 1, (1, 16384)).astype(np.float32)
    run = jax.jit(lambda p, w: vqvae.latent(TINY, p, w))
    long, short = run(params, wave)[:, :64], run(params, wave[:, :8192])
    assert np.abs(long - short)[0, :56].max() < 1e-6
    assert np.abs(long - short)[0, -1].max() > 1e-3


def test_nearest_code_by_hand():
    book = {'vqvae.codebook': jnp.array([[0.0, 0], [1, 1], [1, 1], [-2, 0]])}
    x = jnp.array([[[0.1, 0.2], [0.9, 1.2], [-5, 0]]])
    np.testing.assert_array_equal(vqvae.codes(book, x), [[0, 1, 3]])  # Of equals, the first.


def test_convolutions_ask_for_float32(params):
    wave = jax.ShapeDtypeStruct((1, 8192), np.float32)
    text = str(jax.make_jaxpr(lambda p, w: vqvae.latent(TINY, p, w))(params, wave))
    convolutions = text.count('conv_general_dilated[')
    assert convolutions == 7 * 3 + 3
    assert (
        text.count('precision=(Precision.HIGHEST, Precision.HIGHEST)')
        + text.count('precision=Precision.HIGHEST')
        >= convolutions
    )
