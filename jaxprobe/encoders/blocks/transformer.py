"""Transformer encoders of the wav2vec 2.0 kind, normed after or before each sublayer.

The same names are applied in different places: in a block's *post-norm* form `layer_norm` comes
after the attention's residual sum, in its *pre-norm* form before the attention; and the
stack's own `layer_norm` comes before the first block or after the last.

Query, key and value projections are one matrix here: its columns are independent sums, so the
numbers are those of three.

Source: `HubertEncoder` and `HubertEncoderStableLayerNorm` of transformers 4.38;
`spec/encoders_ssl.md` 3.3 and 3.4.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.activations import gelu
from jaxprobe.encoders.blocks.attention import attend
from jaxprobe.encoders.blocks.norms import layer_norm
from jaxprobe.encoders.blocks.precision import Precision


class TransformerSize(NamedTuple):
    """The sizes of a stack of blocks."""

    depth: int
    width: int
    heads: int
    hidden: int  # Of the feed-forward modules.
    pre_norm: bool
    epsilon: float = 1e-5


def linear(inputs: int, outputs: int, numbers: Precision) -> nnx.Linear:
    """A dense layer with bias in the compute dtype."""
    return nnx.Linear(inputs, outputs, rngs=nnx.Rngs(0), **numbers.of_matmul())


class FeedForward(nnx.Module):
    """Linear, GELU (by erf), Linear."""

    def __init__(self, size: TransformerSize, numbers: Precision):
        self.intermediate_dense = linear(size.width, size.hidden, numbers)
        self.output_dense = linear(size.hidden, size.width, numbers)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """In the compute dtype."""
        return self.output_dense(gelu(self.intermediate_dense(x)))


class Attention(nnx.Module):
    """Self-attention over the whole window, without masks and without positions."""

    def __init__(self, size: TransformerSize, numbers: Precision):
        self.heads, self.precision = size.heads, numbers.matmul
        self.qkv = linear(size.width, 3 * size.width, numbers)
        self.out_proj = linear(size.width, size.width, numbers)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """In the compute dtype; the softmax in float32."""
        batch, frames, width = x.shape
        split = self.qkv(x).reshape(batch, frames, 3, self.heads, width // self.heads)
        q, k, v = split[:, :, 0], split[:, :, 1], split[:, :, 2]
        mixed = attend(q, k, v, self.precision)
        return self.out_proj(mixed.reshape(x.shape))


class Block(nnx.Module):
    """Attention and feed-forward around a float32 residual stream."""

    def __init__(self, size: TransformerSize, numbers: Precision):
        self.pre_norm = size.pre_norm
        self.attention = Attention(size, numbers)
        self.layer_norm = layer_norm(size.width, size.epsilon)
        self.feed_forward = FeedForward(size, numbers)
        self.final_layer_norm = layer_norm(size.width, size.epsilon)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """Float32 in and out: the stream is never rounded to the compute dtype."""
        if self.pre_norm:
            x = x + self.attention(self.layer_norm(x)).astype(jnp.float32)
            return x + self.feed_forward(self.final_layer_norm(x)).astype(jnp.float32)
        x = self.layer_norm(x + self.attention(x).astype(jnp.float32))
        return self.final_layer_norm(x + self.feed_forward(x).astype(jnp.float32))


class Transformer(nnx.Module):
    """A stack of blocks that returns what every block saw and made."""

    def __init__(self, size: TransformerSize, numbers: Precision, *, final_norm: bool = True):
        self.pre_norm, self.final_norm = size.pre_norm, final_norm
        self.layers = nnx.List(Block(size, numbers) for _ in range(size.depth))
        self.layer_norm = layer_norm(size.width, size.epsilon)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B L T D']:
        """`[0]` enters the first block, `[k]` leaves block k.

        The pre-norm stack's last state has passed the stack's norm where `final_norm` says so;
        its others are the raw residual stream, whose scale grows with depth.
        """
        states = [x if self.pre_norm else self.layer_norm(x)]
        for block in self.layers:
            states.append(block(states[-1]))
        if self.pre_norm and self.final_norm:
            states[-1] = self.layer_norm(states[-1])
        return jnp.stack(states, axis=1)
