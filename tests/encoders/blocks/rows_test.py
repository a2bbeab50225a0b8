import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders.blocks.rows import row_by_row


def wide(x):
    """A function whose middle is a thousand times as large as its ends."""
    grown = x[:, :, None] * jnp.arange(1000.0)[None, None, :]
    return jax.lax.optimization_barrier(grown).sum(axis=-1)


def test_gives_what_the_function_gives():
    x = jnp.asarray(np.random.RandomState(0).standard_normal((3, 5)), jnp.float32)
    np.testing.assert_allclose(row_by_row(wide, x), wide(x), rtol=1e-6)
    np.testing.assert_allclose(row_by_row(wide, x[:1]), wide(x[:1]), rtol=1e-6)


def test_cpus_hold_the_middle_of_one_row():
    run = jax.jit(lambda x: row_by_row(wide, x))
    memory = run.lower(jnp.zeros((8, 64))).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 2 * 64 * 1000 * 4


def test_accelerators_take_the_batch():
    run = jax.jit(lambda x: row_by_row(wide, x))
    for platform, loops in (('cuda', False), ('cpu', True)):
        text = jax.export.export(run, platforms=[platform])(jnp.zeros((8, 64))).mlir_module()
        assert ('stablehlo.while' in text) is loops
