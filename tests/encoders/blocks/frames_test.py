import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks.frames import frames


@pytest.mark.parametrize(
    ('samples', 'size', 'hop'),
    [
        (400, 400, 160),
        (401, 400, 160),
        (559, 400, 160),
        (560, 400, 160),
        (5000, 4096, 160),
        (1024, 512, 256),
        (1000, 512, 256),
        (100, 10, 10),
        (100, 10, 25),
    ],
)
def test_frames_equal_slices(samples, size, hop):
    wave = np.random.RandomState(0).standard_normal((2, samples)).astype(np.float32)
    got = np.asarray(frames(jnp.asarray(wave), size, hop))
    starts = range(0, samples - size + 1, hop)
    np.testing.assert_array_equal(got, np.stack([wave[:, s : s + size] for s in starts], 1))
