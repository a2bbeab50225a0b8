"""VGGish against the authors' code: front end, network with seeded weights; -s prints errors.

The published weights are 277 MB on a server that tests do not ask: put `vggish_model.ckpt` (or
`vggish-10086976.pth`) into the cache folder, and the last test holds this port to the values that
upstream's own smoke test prints.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soxr

from jaxprobe.encoders import base
from jaxprobe.encoders.loading import wheel
from jaxprobe.encoders.vggish import frontend, model, weights

RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.
CARD = 'jaxprobe.encoders.vggish.card:VGGISH'


@pytest.fixture(scope='module')
def seeded(shared):
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        import seeded  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    return seeded


@pytest.fixture(scope='module')
def params(seeded):
    """The fixture's weights, under torchvggish's names and through the key map."""
    shapes, held = weights.template(weights.Sizes()), {}
    for ours, (theirs, _) in weights.key_map(weights.Sizes(), torch=True).items():
        shape, kind = shapes[ours], 'bias' if ours.endswith('bias') else 'kernel'
        if kind == 'kernel':  # Torch's order: out, in, then the field.
            shape = (shape[-1], shape[-2], *shape[:-2])
        fan_in = int(np.prod(shape[1:]))
        held[str(theirs)] = seeded.seeded(str(theirs), shape, kind, fan_in)
    return model.make_params(weights.fill(weights.Sizes(), held, 'seeded'))


def close(name, ours, theirs):
    error = float(np.abs(ours - theirs).max())
    print(f'{name:24s} max abs {error:.1e}  of max {error / np.abs(theirs).max():.1e}')
    np.testing.assert_allclose(
        ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max(), err_msg=name
    )


def test_network_with_seeded_weights(shared, params):
    with np.load(shared / 'fixtures/vggish/seeded.npz') as theirs:
        examples = jnp.asarray(theirs['examples'][:, 0])
        *pools, fc1, fc2, embedding = (
            np.asarray(x) for x in jax.jit(model.network)(params, examples)
        )
        for depth, pool in enumerate(pools):
            wanted = theirs['conv_pool_means'][depth][:, : pool.shape[-1]]
            close(f'pool{depth + 1}, spatial mean', pool.mean((1, 2)), wanted)
        close('pool4', pools[3].transpose(0, 3, 1, 2), theirs['pool4'])
        close('fc1', fc1, theirs['fc1'])
        close('fc2', fc2, theirs['fc2'])
        # The reference is torchvggish, which ends in a ReLU.
        close('embedding', np.maximum(embedding, 0), theirs['out'])
        assert (embedding[theirs['out'] == 0] <= 0).all()


def examples_of(wave):
    """The front end over a whole file, cut into examples of 96 frames as the authors do."""
    window, mel = jnp.asarray(frontend.hann(), jnp.float32), jnp.asarray(frontend.htk_mel())
    found = np.asarray(frontend.log_mel(window, mel.astype(jnp.float32), jnp.asarray(wave)[None]))
    count = found.shape[1] // 96
    return found[0, : 96 * count].reshape(count, 96, 64)


def sine(rate):
    """The wave of upstream's smoke test: 3 s of 1 kHz."""
    return np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / rate)).astype(np.float32)


def test_front_end_of_a_sine(shared):
    with np.load(shared / 'fixtures/vggish/smoke_reference.npz') as theirs:
        close('log mel of a sine', examples_of(sine(16000)), theirs['logmel_16k_sine_1khz'])


def published():
    found = [wheel.cache_dir() / n for n in ('vggish_model.ckpt', 'vggish-10086976.pth')]
    for path in found:
        if path.is_file():
            return path
    pytest.skip(f'the published weights are not here: none of {", ".join(map(str, found))}')


def test_published_weights_against_upstreams_smoke_test(shared):
    """Upstream allows 10 % and resamples with an old resampy, whose noise floor moves bands."""
    encoder = base.load(CARD, weights=str(published()))
    wave = soxr.resample(sine(44100), 44100, 16000).astype(np.float32)
    windows = np.stack([wave[i * 15360 : i * 15360 + 15600] for i in range(3)])
    embedding = np.asarray(jax.jit(encoder.encode)(encoder.params, jnp.asarray(windows))[-1])[:, 0]
    with np.load(shared / 'fixtures/vggish/smoke_reference.npz') as theirs:
        mean, std = theirs['upstream_2023_expected'][:2]
        printed = theirs['printed_embedding_relu_44k1_resampy022']
    print(f'mean {embedding.mean():.6f} (upstream {mean}), std {embedding.std():.4f} ({std})')
    assert abs(embedding.std() - std) < 0.1 * std
    assert abs(embedding.mean() - mean) < 0.1 * std
    rectified = np.maximum(embedding[0], 0)
    cosine = rectified @ printed / np.linalg.norm(rectified) / np.linalg.norm(printed)
    assert cosine > 0.95
