"""Extraction lowers for TPUs ahead of time; no such machine is needed, none was at hand.

Lowering shows that every operation has a rule there. Whether XLA's own compiler for TPUs takes it,
and how fast it is, only a TPU can show.
"""

import re

import jax
import jax.export
import jax.numpy as jnp
import pytest

from jaxprobe.encoders.base import card
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.muq import architecture, model
from jaxprobe.features.spec import StoreSpec
from jaxprobe.stages import encode


def lowered(depth: int, dtype: str, frames: int) -> str:
    """MuQ's extraction program at published width, of weights that are shapes alone."""
    a = architecture.resolve('muq', '')._replace(depth=depth)
    graph, params = leaves.abstract(lambda: model.MelConformer(a, precision(dtype)))
    described = card('muq')
    spec = StoreSpec(
        encoder='muq',
        weights_sha256='none',
        port_version=1,
        layers=tuple((layer.name, layer.width) for layer in described.layers[: depth + 1]),
        compute_dtype=dtype,
        sample_rate=described.sample_rate,
        window_samples=10 * described.sample_rate,
        hop_samples=10 * described.sample_rate,
        frames=frames,
        batch_windows=64,
    )

    def run(params, wave):
        return leaves.module(graph, params)(wave)

    wave = jax.ShapeDtypeStruct((spec.batch_windows, spec.input_samples), jnp.float32)
    exported = jax.export.export(jax.jit(encode.pooling(run, spec)), platforms=['tpu'])(
        params, wave
    )
    assert [leaf.shape for leaf in exported.out_avals] == [(64, *spec.shape(1024)), (64,)]
    return exported.mlir_module()  # Read back from the portable form that another jax would load.


def calls(module: str) -> set[str]:
    return set(re.findall(r'custom_call @(\w+)', module))


@pytest.mark.parametrize(('dtype', 'frames'), [('float32', 0), ('bfloat16', 250)])
def test_muq_lowers_for_tpus(dtype, frames):
    """One block of its twelve, which are alike: means in float32, frames in bfloat16."""
    module = lowered(1, dtype, frames)
    assert not calls(module)
    assert 'stablehlo.while' not in module  # What is tiled for CPUs stays there.
    assert ('bf16' in module) is (dtype == 'bfloat16')


@pytest.mark.slow
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_the_whole_of_muq_lowers_for_tpus(dtype):
    assert not calls(lowered(12, dtype, 0))
