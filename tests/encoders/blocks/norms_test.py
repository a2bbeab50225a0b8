import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders.blocks import norms

# Rows like those of a pre-norm residual stream: the mean is a thousand times the deviation.
STREAM = (50 + 0.05 * np.random.RandomState(0).standard_normal((2, 40, 64))).astype(np.float32)


def expected(x, axis):
    x = x.astype(np.float64)
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


def test_layer_norm_survives_a_large_mean():
    ours = np.asarray(norms.layer_norm(64)(jnp.asarray(STREAM)))
    np.testing.assert_allclose(ours, expected(STREAM, -1), atol=5e-3)


def test_layer_norm_has_torchs_epsilon():
    """On rows with a variance near epsilon, flax's 1e-6 would be off by half."""
    x = np.float32(3e-3) * (STREAM - 50)
    np.testing.assert_allclose(
        np.asarray(norms.layer_norm(64)(jnp.asarray(x))), expected(x, -1), atol=1e-5
    )


def test_layer_norm_without_scale_and_bias():
    plain = norms.layer_norm(64, affine=False)
    assert plain.scale is None
    assert plain.bias is None


def test_time_norm_is_over_time_and_by_channel():
    x = STREAM + np.arange(64, dtype=np.float32)[None, None, :]
    ours = np.asarray(norms.TimeNorm(64)(jnp.asarray(x)))
    np.testing.assert_allclose(ours, expected(x, 1), atol=5e-3)
    np.testing.assert_allclose(ours.mean(axis=1), 0, atol=1e-2)


def test_time_norm_scales_and_shifts_channels():
    norm = norms.TimeNorm(2)
    norm.scale[...], norm.bias[...] = jnp.asarray([1.0, 2.0]), jnp.asarray([0.0, 5.0])
    x = jnp.asarray(np.random.RandomState(1).standard_normal((1, 30, 2)), jnp.float32)
    ours = np.asarray(norm(x))
    np.testing.assert_allclose(ours[..., 1].mean(), 5, atol=1e-5)
    np.testing.assert_allclose(ours[..., 1].std(), 2, atol=1e-3)
    np.testing.assert_allclose(ours[..., 0].std(), 1, atol=1e-3)


def test_norms_are_float32_in_bfloat16_models():
    for norm in (norms.layer_norm(64), norms.TimeNorm(64)):
        assert norm(jnp.asarray(STREAM, jnp.bfloat16)).dtype == jnp.float32
