"""The first layers of the top prior on codes, in jax; every layer's states are pooled where made.

The 8192 x 4800 states of 37 layers would be 5.8 GB per clip, so what leaves is a mean. Layers come
in threes (the kinds of attention take turns) and run as one `lax.scan` over stacked weights:
the program is compiled once for any depth. Weights keep the dtype they are held in and are cast
slice by slice to the compute dtype; the residual stream, norms and softmax are float32.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import lax, nn
from jaxtyping import Array, Float, Int

from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.jukebox.architecture import ATTENTION, MLP_WIDTH, Architecture

Params = dict[str, Array]
# [B T D] -> [B F D]: what is kept of a layer's states.
Pool = Callable[[Float[Array, 'B T D']], Float[Array, 'B F D']]

EPSILON = 1e-5
MASKED = -1e9  # Of a logit that must not count.


def layer_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """The leaves of one layer and their shapes; kernels are (in, out), as the reference's."""
    d, s, m = a.prior_width, a.state, MLP_WIDTH * a.prior_width
    return {
        'ln_0.scale': (d,),
        'ln_0.bias': (d,),
        'attn.c_attn.kernel': (d, 3 * s),
        'attn.c_attn.bias': (3 * s,),
        'attn.c_proj.kernel': (s, d),
        'attn.c_proj.bias': (d,),
        'ln_1.scale': (d,),
        'ln_1.bias': (d,),
        'mlp.c_fc.kernel': (d, m),
        'mlp.c_fc.bias': (m,),
        'mlp.c_proj.kernel': (m, d),
        'mlp.c_proj.bias': (d,),
    }


def table_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """The leaves before the first layer: what tokens, the start and positions embed as."""
    return {
        'prior.tokens': (a.bins, a.prior_width),
        'prior.start': (a.prior_width,),
        'prior.positions': (a.n_ctx, a.prior_width),
    }


def states(
    a: Architecture,
    numbers: Precision,
    params: Params,
    codes: Int[Array, 'B T'],
    pool: Pool,
) -> Float[Array, 'B L F D']:
    """Pooled states: of what enters the first layer, then of every layer.

    Args:
        a: the sizes.
        numbers: the dtype and precision of matrix products.
        params: tables as `table_shapes`, and `layers.*` stacked [depth / 3, 3, *shape].
        codes: of the VQ-VAE; T is at most the context and a multiple of its blocks.
        pool: what is kept of a layer's states.

    Returns:
        [B depth + 1 F D], float32. Nothing is normed after the last layer.
    """
    x = embedded(params, codes)
    first = pool(x)
    stacked = {
        name.removeprefix('layers.'): leaf
        for name, leaf in params.items()
        if name.startswith('layers.')
    }

    def three(x: Array, group: Params) -> tuple[Array, Array]:
        pooled = []
        for member, kind in enumerate(ATTENTION):
            one = {name: leaf[member] for name, leaf in group.items()}
            x = layer(a, numbers, kind, one, x)
            pooled.append(pool(x))
        return x, jnp.stack(pooled)

    _, rest = lax.scan(three, x, stacked)
    rest = rest.reshape(-1, *rest.shape[2:])
    return jnp.concatenate([first[:, None], jnp.moveaxis(rest, 0, 1)], axis=1)


def embedded(params: Params, codes: Int[Array, 'B T']) -> Float[Array, 'B T D']:
    """What enters the first layer: the token before each place, and the place itself.

    The prior predicts a token from those before it, so tokens stand one place later and the
    start takes the first place; the last token is never seen.
    """
    tokens = params['prior.tokens'][codes[:, :-1]]
    start = jnp.broadcast_to(params['prior.start'], (len(codes), 1, tokens.shape[-1]))
    positions = params['prior.positions'][None, : codes.shape[1]]
    return jnp.concatenate([start, tokens], axis=1) + positions


def layer(
    a: Architecture, numbers: Precision, kind: int, p: Params, x: Float[Array, 'B T D']
) -> Float[Array, 'B T D']:
    """One layer: the MLP reads what attention added, and the sum of both is added once."""
    qkv = _dense(p, 'attn.c_attn', _norm(p, 'ln_0', x), numbers)
    attended = _dense(p, 'attn.c_proj', attention(a, numbers, kind, qkv), numbers)
    hidden = _dense(p, 'mlp.c_fc', _norm(p, 'ln_1', x + attended), numbers)
    hidden = hidden * nn.sigmoid(1.702 * hidden)
    return x + attended + _dense(p, 'mlp.c_proj', hidden, numbers)


def attention(
    a: Architecture, numbers: Precision, kind: int, qkv: Float[Array, 'B T states']
) -> Float[Array, 'B T state']:
    """Attention within the context's blocks, across them, or to the block before.

    Args:
        a: the sizes.
        numbers: of the two products.
        kind: 1, within its block, causal; 2, the same place of its own and earlier blocks;
            3, all of the block before, where the first block sees zeros: nothing.
        qkv: queries, keys and values side by side.
    """
    batch, tokens, _ = qkv.shape
    shape = (batch, tokens // a.block, a.block, a.heads, a.state // a.heads)
    q, k, v = (part.reshape(shape).astype(numbers.dtype) for part in jnp.split(qkv, 3, axis=-1))
    if kind == 2:
        q, k, v = (part.swapaxes(1, 2) for part in (q, k, v))
    if kind == 3:
        k, v = (jnp.pad(part[:, :-1], ((0, 0), (1, 0), *((0, 0),) * 3)) for part in (k, v))
    logits = jnp.einsum(
        'bgqhd,bgkhd->bghqk', q, k, precision=numbers.matmul, preferred_element_type=jnp.float32
    ) / math.sqrt(a.state // a.heads)
    if kind != 3:
        seen = jnp.tril(jnp.ones(logits.shape[-2:], bool))
        logits = jnp.where(seen[None, None, None], logits, MASKED)
    weights = nn.softmax(logits, axis=-1).astype(numbers.dtype)
    out = jnp.einsum(
        'bghqk,bgkhd->bgqhd',
        weights,
        v,
        precision=numbers.matmul,
        preferred_element_type=jnp.float32,
    )
    if kind == 2:
        out = out.swapaxes(1, 2)
    return out.reshape(batch, tokens, a.state)


def _norm(p: Params, name: str, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.mean(centred**2, axis=-1, keepdims=True)
    normed = centred * lax.rsqrt(variance + EPSILON)
    return normed * p[f'{name}.scale'][None, None] + p[f'{name}.bias'][None, None]


def _dense(
    p: Params, name: str, x: Float[Array, 'B T I'], numbers: Precision
) -> Float[Array, 'B T O']:
    y = jnp.matmul(
        x.astype(numbers.dtype),
        p[f'{name}.kernel'].astype(numbers.dtype),
        precision=numbers.matmul,
        preferred_element_type=jnp.float32,
    )
    return y + p[f'{name}.bias'][None, None]


def block_means(block: int) -> Pool:
    """Means over each block of so many tokens, in float32: [B T D] -> [B T / block D]."""

    def pool(x: Float[Array, 'B T D']) -> Float[Array, 'B F D']:
        batch, tokens, width = x.shape
        return x.reshape(batch, tokens // block, block, width).mean(axis=2)

    return pool


def clip_mean(block: int) -> Pool:
    """The mean over all tokens, in float32: [B T D] -> [B 1 D].

    Taken as the mean of the blocks' means, which rounds less than one long sum.
    """
    means = block_means(block)
    return lambda x: means(x).mean(axis=1, keepdims=True)
