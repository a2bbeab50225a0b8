"""MULE against the authors' Keras code; -s prints the errors measured.

The weights are seeded, not published (no copy was at hand). The full network takes seconds to
draw and more to compile, so it is in the slow set; its first half is in every run.
"""

import importlib.util
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.mule import architecture, frontend, model, weights
from jaxprobe.encoders.mule.architecture import Arch

RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.
HALF = Arch(slow=(256, 512), fast=(32, 64), fuse=((32, 128), (32, 256)), depths=(1, 2))
MEANS = {
    'stem': 'fused1_mean',
    'slow1_1': 'slow1_mean',
    'fast1': 'fast1_mean',
    'slow2_2': 'slow2_mean',
    'fast2': 'fast2_mean',
    'slow3_6': 'slow3_mean',
    'fast3': 'fast3_mean',
    'slow4_3': 'slow4_mean',
    'fast4': 'fast4_mean',
    'embedding': 'emb',
}
WINDOW, MEL = jnp.float32(frontend.hann()), jnp.float32(frontend.htk_mel())


@pytest.fixture(scope='module')
def seeded(shared):
    spec = importlib.util.spec_from_file_location('seeded', shared / 'fixtures' / 'seeded.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seeded_tensors(shared, seeded, a):
    """The fixture's weights of the parts that an architecture has, as ours."""
    manifest = json.loads((shared / 'fixtures/mule/seeded_manifest.json').read_text())
    layers, tensors = {}, {}
    for index, layer, _, shape in manifest:
        layers.setdefault(layer, []).append((f'mule.{index}', index, tuple(shape)))
    wanted = set(architecture.graph_order(a))
    for part, own in zip(architecture.graph_order(Arch()), layers.values(), strict=True):
        if part not in wanted:
            continue
        (name, index, shape), *rest = own
        if len(own) == 1:
            scalar = 0.5 + 0.5 * np.random.RandomState(index).uniform()
            tensors[f'{part}/scale'] = np.asarray(scalar, np.float32)
            continue
        fan_in = int(np.prod(shape[:3] if len(shape) == 4 else shape[:1]))
        kernel = seeded.seeded(name, shape, 'kernel', fan_in)
        if len(own) == 3:
            kernel = weights.standardised(kernel, seeded.seeded(rest[0][0], rest[0][2], 'gamma'))
        tensors[f'{part}/kernel'] = kernel
        tensors[f'{part}/bias'] = seeded.seeded(rest[-1][0], rest[-1][2], 'bias')
    assert {name: t.shape for name, t in tensors.items()} == weights.template(a)
    return tensors


def close(name, ours, theirs, rtol=RTOL):
    error = float(np.abs(ours - theirs).max())
    print(f'{name:32s} max abs {error:.1e}  of max {error / np.abs(theirs).max():.1e}')
    np.testing.assert_allclose(
        ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max(), err_msg=name
    )


def compare(shared, seeded, a):
    params = model.make_params(seeded_tensors(shared, seeded, a))
    slices = np.random.RandomState(7).standard_normal((2, 96, 300, 1))[..., 0]
    layers = jax.jit(lambda p, x: model.layers(p, x, a))(params, jnp.float32(slices))
    compared = 0
    with np.load(shared / 'fixtures/mule/seeded.npz') as theirs:
        for (name, _), ours in zip(architecture.probe_points(a), layers, strict=True):
            if name in MEANS and (name != 'embedding' or a == Arch()):
                close(f'mule {name}', np.asarray(ours)[:, 0], theirs[MEANS[name]])
                compared += 1
    return compared


def test_first_half_with_seeded_weights(shared, seeded):
    assert compare(shared, seeded, HALF) == 5


@pytest.mark.slow
def test_all_layers_with_seeded_weights(shared, seeded):
    assert compare(shared, seeded, Arch()) == len(MEANS)


def test_front_end(shared, seeded):
    wave = seeded.wave(96000, 23, 16000)
    with np.load(shared / 'fixtures/mule/frontend_seeded_wave.npz') as theirs:
        whole = np.pad(wave, 200, mode='reflect')[None]  # As librosa centres its frames.
        ours = np.asarray(frontend.log_mel(WINDOW, MEL, jnp.asarray(whole)))[0]
        assert ours.shape == (601, 96)
        close('mule log mel', ours[::8].T, np.log10(10000 * theirs['mel_t8'] + 1))
        first = jnp.asarray(wave[None, : frontend.SAMPLES])
        ours = np.asarray(frontend.slices(WINDOW, MEL, first, 1.0))[0]
        half_step = 2.0**-10  # The fixture's slice is stored in half precision, below 4.
        error = np.abs(ours - theirs['slice0'].astype(np.float32)).max()
        print(f'mule slice 0: max {error:.1e}, half a step of its storage {half_step:.1e}')
        assert error <= half_step + 1e-4
