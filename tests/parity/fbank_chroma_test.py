"""FBANK + Chroma against the stored output of Kaldi's definition and librosa; -s prints errors."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.fbank_chroma import model

RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.


@pytest.fixture(scope='module')
def pair(shared):
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        from seeded import wave  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    outputs = model.encode(model.make_params(), jnp.asarray(wave(48000, 31, 16000))[None])
    with np.load(shared / 'fixtures/baseline/fbank_chroma.npz') as file:
        return [np.asarray(o)[0] for o in outputs], dict(file)


def close(name, ours, theirs):
    error = np.abs(ours - theirs)
    print(f'{name}: max abs {error.max():.1e}, relative to max {error.max() / theirs.max():.1e}')
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max())


def test_fbank(pair):
    ours, fixture = pair
    close('fbank', ours[0], fixture['fbank'])


def test_chroma(pair):
    ours, fixture = pair
    close('chroma', ours[1], fixture['chroma'].T[: len(ours[1])])
