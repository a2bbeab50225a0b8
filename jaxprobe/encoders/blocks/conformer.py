"""Conformer blocks with the rotary quirk of Wav2Vec2-Conformer.

Here the rotation is applied to the normalised hidden state *before* the query and key
projections, and the value projection reads the unrotated state. Rotary attention as everyone
else means it (rotated queries and keys) gives other numbers.

Names follow the reference, so that both files can be read side by side. The block's batch norm
is folded into the depthwise kernel and bias at load.

Source: transformers 4.38 `Wav2Vec2ConformerEncoder`, which MuQ and MusicFM build with 12 layers
of width 1024; `spec/encoders_ssl.md` 2.3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.attention import attend
from jaxprobe.encoders.blocks.precision import Precision


class ConformerSize(NamedTuple):
    """The sizes of a conformer."""

    depth: int
    width: int
    heads: int
    hidden: int  # Of the feed-forward modules.
    kernel: int = 31  # Taps of the depthwise convolution; odd.
    epsilon: float = 1e-5


def inverse_frequencies(size: ConformerSize, base: float = 10000.0) -> Float[np.ndarray, 'n']:
    """Rotary frequencies in radians per token, for half a head's width."""
    head = size.width // size.heads
    exponents = np.arange(0, head, 2).astype(np.float32) / np.float32(head)
    return (1.0 / np.float32(base) ** exponents).astype(np.float32)


def _layer_norm(size: ConformerSize) -> nnx.LayerNorm:
    return nnx.LayerNorm(
        size.width,
        epsilon=size.epsilon,
        dtype=jnp.float32,
        use_fast_variance=False,  # E[x^2]-E[x]^2 cancels on streams with a large mean.
        rngs=nnx.Rngs(0),
    )


def _linear(inputs: int, outputs: int, numbers: Precision, use_bias: bool = True) -> nnx.Linear:
    return nnx.Linear(inputs, outputs, use_bias=use_bias, rngs=nnx.Rngs(0), **numbers.of_matmul())


class FeedForward(nnx.Module):
    """Linear, swish, Linear."""

    def __init__(self, size: ConformerSize, numbers: Precision):
        self.intermediate_dense = _linear(size.width, size.hidden, numbers)
        self.output_dense = _linear(size.hidden, size.width, numbers)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """In the compute dtype."""
        return self.output_dense(jax.nn.silu(self.intermediate_dense(x)))


class RotaryAttention(nnx.Module):
    """Self-attention over the whole window, with the quirk this module is about."""

    def __init__(self, size: ConformerSize, numbers: Precision):
        self.heads, self.precision = size.heads, numbers.matmul
        self.linear_q = _linear(size.width, size.width, numbers)
        self.linear_k = _linear(size.width, size.width, numbers)
        self.linear_v = _linear(size.width, size.width, numbers)
        self.linear_out = _linear(size.width, size.width, numbers)

    def __call__(
        self, x: Float[Array, 'B T D'], angles: Float[Array, 'T half']
    ) -> Float[Array, 'B T D']:
        """In the compute dtype; the softmax in float32."""
        split = (*x.shape[:2], self.heads, x.shape[2] // self.heads)
        rotated = rotate(x.reshape(split), angles).reshape(x.shape)
        q = self.linear_q(rotated).reshape(split)
        k = self.linear_k(rotated).reshape(split)
        v = self.linear_v(x).reshape(split)
        mixed = attend(q, k, v, self.precision)
        return self.linear_out(mixed.reshape(x.shape))


def rotate(
    x: Float[Array, 'B T heads head'], angles: Float[Array, 'T half']
) -> Float[Array, 'B T heads head']:
    """Turns the first half of every head against its second half, token by token."""
    cos, sin = jnp.cos(angles)[None, :, None, :], jnp.sin(angles)[None, :, None, :]
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


class DepthwiseConv(nnx.Module):
    """A convolution along time, channel by channel, as a sum of shifted products.

    XLA's CPU grouped convolution takes 14 times as long as the fused sum, which is what this
    compiles to; the sum is exact in float32 in either compute dtype.
    """

    def __init__(self, taps: int, width: int):
        self.taps = taps
        self.kernel = nnx.Param(jnp.zeros((taps, width)))
        self.bias = nnx.Param(jnp.zeros(width))

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """Same length, zeros beyond the ends; float32."""
        half, kernel = self.taps // 2, self.kernel[...]
        padded = jnp.pad(x.astype(jnp.float32), ((0, 0), (half, half), (0, 0)))
        total = self.bias[...][None, None, :]
        for tap in range(self.taps):
            total = total + padded[:, tap : tap + x.shape[1]] * kernel[tap][None, None, :]
        return total


class ConvModule(nnx.Module):
    """Pointwise, GLU, depthwise with its norm folded in, swish, pointwise."""

    def __init__(self, size: ConformerSize, numbers: Precision):
        self.layer_norm = _layer_norm(size)
        self.pointwise_conv1 = _linear(size.width, 2 * size.width, numbers, use_bias=False)
        self.depthwise_conv = DepthwiseConv(size.kernel, size.width)
        self.pointwise_conv2 = _linear(size.width, size.width, numbers, use_bias=False)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """In the compute dtype."""
        value, gate = jnp.split(self.pointwise_conv1(self.layer_norm(x)), 2, axis=-1)
        filtered = self.depthwise_conv(value * jax.nn.sigmoid(gate))
        return self.pointwise_conv2(jax.nn.silu(filtered))


class ConformerBlock(nnx.Module):
    """Half feed-forward, attention, convolution, half feed-forward, norm."""

    def __init__(self, size: ConformerSize, numbers: Precision):
        self.ffn1_layer_norm = _layer_norm(size)
        self.ffn1 = FeedForward(size, numbers)
        self.self_attn_layer_norm = _layer_norm(size)
        self.self_attn = RotaryAttention(size, numbers)
        self.conv_module = ConvModule(size, numbers)
        self.ffn2_layer_norm = _layer_norm(size)
        self.ffn2 = FeedForward(size, numbers)
        self.final_layer_norm = _layer_norm(size)

    def __call__(
        self, x: Float[Array, 'B T D'], angles: Float[Array, 'T half']
    ) -> Float[Array, 'B T D']:
        """Float32 in and out: the residual stream is never rounded to the compute dtype."""
        x = x + 0.5 * self.ffn1(self.ffn1_layer_norm(x)).astype(jnp.float32)
        x = x + self.self_attn(self.self_attn_layer_norm(x), angles).astype(jnp.float32)
        x = x + self.conv_module(x).astype(jnp.float32)
        x = x + 0.5 * self.ffn2(self.ffn2_layer_norm(x)).astype(jnp.float32)
        return self.final_layer_norm(x)


class Conformer(nnx.Module):
    """A stack of blocks that returns what every block saw and made."""

    def __init__(self, size: ConformerSize, numbers: Precision):
        half = size.width // size.heads // 2
        self.inv_freq = nnx.Variable(jnp.zeros(half))  # A leaf: checkpoints bring it.
        self.layers = nnx.List(ConformerBlock(size, numbers) for _ in range(size.depth))
        self.layer_norm = _layer_norm(size)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B L T D']:
        """`[0]` is `x`, `[k]` the output of block k, the last one after one more norm."""
        angles = jnp.arange(x.shape[1], dtype=jnp.float32)[:, None] * self.inv_freq[...][None, :]
        states = [x]
        for block in self.layers:
            states.append(block(states[-1], angles))
        states[-1] = self.layer_norm(states[-1])
        return jnp.stack(states, axis=1)
