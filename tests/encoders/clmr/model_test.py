import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.audio.window import Windowing, cut
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.clmr import model, weights
from jaxprobe.encoders.clmr.card import FRAME, WIDTHS
from tests.encoders.clmr.weights_test import PATH, sample_cnn

torch = pytest.importorskip('torch')

NOISE = (0.3 * np.random.RandomState(3).standard_normal((2, FRAME))).astype(np.float32)


def through_torch(network, waves):
    x, found = torch.from_numpy(waves)[:, None], []
    with torch.no_grad():
        for block in network:
            x = block(x)
            found.append(x.numpy().transpose(0, 2, 1))
    return found


@pytest.mark.parametrize(('widths', 'samples'), [(model.TINY, 59409), (WIDTHS, FRAME)])
def test_every_layer_equals_torchs(widths, samples):
    """Live, with random weights and statistics; the second at the published size."""
    network = sample_cnn(widths)
    state = {f'sequential.{name}': t.numpy() for name, t in network.state_dict().items()}
    params = model.make_params(weights.fill(widths, state, 'memory'))
    waves = np.float32(0.3 * np.random.RandomState(4).standard_normal((1, samples)))
    layers = jax.jit(model.encode)(params, jnp.asarray(waves))
    for i, (ours, theirs) in enumerate(zip(layers, through_torch(network, waves), strict=True)):
        assert ours.shape == theirs.shape
        limit = 1e-4 * np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=limit, err_msg=f'conv{i}')


def test_the_published_size():
    encoder = base.load(PATH, weights='random')
    shapes = jax.eval_shape(encoder.encode, encoder.params, jnp.asarray(NOISE))
    frames = [19683, 6561, 2187, 729, 243, 81, 27, 9, 3, 1, 1]
    assert [shape.shape for shape in shapes] == [
        (2, t, width) for t, width in zip(frames, WIDTHS, strict=True)
    ]


def test_zeros_behind_the_audio_leave_the_frames_before_them(shared):
    """What `zero_pad` promises: no statistic runs over time, so padding a tail is harmless."""
    encoder = base.load(PATH, weights='random', arch='tiny')
    assert encoder.card.zero_pad
    kept = 30000
    windows, padded = cut(NOISE[0, :kept], Windowing(FRAME, FRAME, tail='pad', short='pad'))
    assert padded.tolist() == [True]
    assert (windows[0, kept:] == 0).all()
    ours, whole = (
        jax.jit(encoder.encode)(encoder.params, jnp.asarray(w)) for w in (windows, NOISE[:1])
    )
    for ours_layer, whole_layer in zip(ours[:8], whole[:8], strict=True):
        step = FRAME // ours_layer.shape[1]
        before = (kept - 4 * step) // step  # Each convolution reaches one frame further.
        np.testing.assert_array_equal(ours_layer[:, :before], whole_layer[:, :before])
        assert (np.asarray(ours_layer) != np.asarray(whole_layer)).any()


def test_the_tail_that_mir_ref_pads_is_a_window_of_its_own():
    encoder = base.load(PATH, weights='random', arch='tiny')
    wave = np.concatenate([NOISE[0], NOISE[1, :1000]])
    windows, padded = cut(wave, Windowing(FRAME, FRAME, tail='pad', short='pad'))
    assert padded.tolist() == [False, True]
    layers = jax.jit(encoder.encode)(encoder.params, jnp.asarray(windows))
    silence = np.pad(NOISE[1:, :1000], ((0, 0), (0, FRAME - 1000)))
    alone = jax.jit(encoder.encode)(encoder.params, jnp.asarray(silence))
    np.testing.assert_allclose(layers[10][1:], alone[10], rtol=1e-5, atol=1e-6)


def test_the_360_samples_more_of_the_peers_move_the_embedding():
    encoder = base.load(PATH, weights='random', arch='tiny')
    longer = np.pad(NOISE, ((0, 0), (0, 360)), mode='wrap')
    a, b = (jax.jit(encoder.encode)(encoder.params, jnp.asarray(w))[10] for w in (NOISE, longer))
    assert float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) > 1e-3


def test_bfloat16_moves_the_output_a_little_and_leaves_it_float32():
    exact = base.load(PATH, weights='random', arch='tiny')
    short = base.load(PATH, weights='random', arch='tiny', dtype='bfloat16')
    for a, b in zip(
        jax.jit(exact.encode)(exact.params, jnp.asarray(NOISE)),
        jax.jit(short.encode)(short.params, jnp.asarray(NOISE)),
        strict=True,
    ):
        assert b.dtype == jnp.float32
        assert 0 < float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) < 0.03


@pytest.mark.parametrize('wrong', [{'arch': 'huge'}, {'dtype': 'float16'}])
def test_build_names_what_it_does_not_know(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong.values()))):
        base.load(PATH, weights='random', **wrong)
