"""Softmax attention over a whole window, by the way that is fastest where it runs.

CPUs: head by head and some queries at a time, so that the scores stay in the cache and are held
once (5 MB at 2249 frames, not 243). Accelerators: all heads at once;
on CUDA in bfloat16 over long windows cuDNN's fused attention, which never writes the scores. In
MuQ (750 tokens per 30 s, 2 % of the arithmetic) the fused one would not pay; in MERT (2249
frames, 23 %) it should. The numbers differ by rounding alone.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import backend
from jaxtyping import Array, Float

QUERIES = 512  # Of one head at once, on CPUs.
LONG = 1024  # Tokens from which the fused attention is asked for.


def attend(
    q: Float[Array, 'B T heads head'],
    k: Float[Array, 'B T heads head'],
    v: Float[Array, 'B T heads head'],
    precision: lax.Precision,
) -> Float[Array, 'B T heads head']:
    """`softmax(q k / sqrt(head)) v` in the dtype of `v`; the softmax in float32."""
    head_by_head = functools.partial(_head_by_head, precision=precision)
    at_once = functools.partial(_at_once, precision=precision)
    fused = {'cuda': _fused} if _fused_pays(q) else {}
    return lax.platform_dependent(q, k, v, cpu=head_by_head, default=at_once, **fused)


def _at_once(q: Array, k: Array, v: Array, precision: lax.Precision) -> Array:
    scores = jnp.einsum(
        'bqhd,bkhd->bhqk', q, k, precision=precision, preferred_element_type=jnp.float32
    )
    weights = jax.nn.softmax(scores * q.shape[-1] ** -0.5, axis=-1).astype(v.dtype)
    return jnp.einsum('bhqk,bkhd->bqhd', weights, v, precision=precision)


def _head_by_head(q: Array, k: Array, v: Array, precision: lax.Precision) -> Array:
    batch, frames, heads, width = q.shape
    blocks = -(-frames // QUERIES)
    block = -(-frames // blocks)

    def one(parts: tuple[Array, Array, Array]) -> Array:
        q, k, v = parts
        if blocks == 1:
            return _block(q, k, v, precision)
        q = jnp.pad(q, ((0, blocks * block - frames), (0, 0))).reshape(blocks, block, width)
        mixed = lax.map(lambda some: _block(some, k, v, precision), q)
        return mixed.reshape(blocks * block, width)[:frames]

    # Scaled here, where there is less of it than of scores.
    q = (q.astype(jnp.float32) * width**-0.5).astype(q.dtype)
    parts = tuple(x.swapaxes(1, 2).reshape(batch * heads, frames, width) for x in (q, k, v))
    mixed = lax.map(one, parts)
    return mixed.reshape(batch, heads, frames, width).swapaxes(1, 2)


def _block(q: Array, k: Array, v: Array, precision: lax.Precision) -> Array:
    """Some scaled queries of one head `[t d]`; divided by the sum at last, as that is less."""
    scores = lax.dot_general(
        q, k, (((1,), (1,)), ((), ())), precision=precision, preferred_element_type=jnp.float32
    )
    # The barrier keeps the compiler from taking every exponential twice, for sum and product.
    raised = lax.optimization_barrier(jnp.exp(scores - scores.max(axis=-1, keepdims=True)))
    mixed = jnp.matmul(
        raised.astype(v.dtype), v, precision=precision, preferred_element_type=jnp.float32
    )
    return (mixed / raised.sum(axis=-1, keepdims=True)).astype(v.dtype)


def _fused(q: Array, k: Array, v: Array) -> Array:
    return jax.nn.dot_product_attention(q, k, v, implementation='cudnn')


def _fused_pays(q: Array) -> bool:
    """Whether cuDNN's attention takes these shapes, and this machine has it."""
    fits = q.dtype == jnp.bfloat16 and q.shape[-1] % 8 == 0 and q.shape[-1] <= 128
    return fits and q.shape[1] >= LONG and has_fused()


@functools.cache
def has_fused() -> bool:
    """Whether cuDNN's fused attention compiles on this machine's default device.

    Tried once on a small case: which cuDNN releases and devices have it is not ours to know, and
    a run should not end because one lacks it.
    """
    if 'cuda' not in backend.get_backend().platform_version.lower():
        return False
    x = jax.ShapeDtypeStruct((1, 128, 1, 64), jnp.bfloat16)
    try:
        jax.jit(_fused).lower(x, x, x).compile()
    except Exception:  # Whatever the reason, the other way works.
        return False
    return True
