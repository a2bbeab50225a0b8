"""Log-mel spectrograms as torchaudio computes them, in float32.

Conventions
-----------
`M` is the number of mel bands. Frame t is centred on sample `t * hop`; the edges are mirrored
without repeating the edge sample. The last frame is dropped, so a wave of S samples has
`S // hop` frames. Decibels have reference 1 and no dynamic-range limit.

The front end stays in float32 whatever the compute dtype. Bins more than about 60 dB under the
loudest are rounding noise of the float32 transform: there, no two libraries agree.

Source: torchaudio `MelSpectrogram` and `AmplitudeToDB` with their defaults;
`spec/encoders_ssl.md` 2.1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.rows import row_by_row

FLOOR = 1e-10  # Power below it counts as it: -100 dB.


class MelSpec(NamedTuple):
    """The settings of a log-mel spectrogram, from 0 Hz to half the sample rate."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int


def hann(n_fft: int) -> Float[np.ndarray, 'n']:
    """The periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def htk_filters(spec: MelSpec) -> Float[np.ndarray, 'bins M']:
    """Triangular HTK filters of height 1, rounded to float32 where torchaudio rounds.

    The order of roundings matters: with them every entry equals torchaudio's, without them
    narrow filters differ in the third digit.
    """
    f32 = np.float32
    top = spec.sample_rate / 2
    hertz = _linspace(0.0, float(spec.sample_rate // 2), spec.n_fft // 2 + 1)
    mels = _linspace(0.0, float(2595.0 * np.log10(1.0 + top / 700.0)), spec.n_mels + 2)
    powers = (10.0 ** (mels / f32(2595.0)).astype(np.float64)).astype(f32)
    points = f32(700.0) * (powers - f32(1.0))
    widths = points[1:] - points[:-1]
    slopes = points[None, :] - hertz[:, None]
    rising = (f32(-1.0) * slopes[:, :-2]) / widths[None, :-1]
    falling = slopes[:, 2:] / widths[None, 1:]
    return np.maximum(f32(0.0), np.minimum(rising, falling))


def _linspace(start: float, stop: float, n: int) -> Float[np.ndarray, 'n']:
    """torch.linspace in float32: fused multiply-add, from both ends to the middle."""
    first, last = np.float32(start), np.float32(stop)
    step = np.float64((last - first) / np.float32(n - 1))
    index = np.arange(n)
    from_first = (np.float64(first) + step * index).astype(np.float32)
    from_last = (np.float64(last) - step * (n - 1 - index)).astype(np.float32)
    return np.where(index < n // 2, from_first, from_last)


class LogMel(nnx.Module):
    """Wave to decibels. Window and filters are leaves: checkpoints may bring their own."""

    def __init__(self, spec: MelSpec):
        self.hop = spec.hop
        self.window = nnx.Variable(jnp.zeros(spec.n_fft))
        self.filters = nnx.Variable(jnp.zeros((spec.n_fft // 2 + 1, spec.n_mels)))

    def __call__(self, wave: Float[Array, 'B S']) -> Float[Array, 'B T M']:
        """Decibels of `S // hop` frames; S must exceed half the transform's length."""
        return row_by_row(self._decibels, wave)

    def _decibels(self, wave: Array) -> Array:
        window = self.window[...]
        n_fft, frames = window.shape[0], wave.shape[1] // self.hop
        padded = jnp.pad(wave, ((0, 0), (n_fft // 2, n_fft // 2)), mode='reflect')
        index = np.arange(n_fft)[None, :] + self.hop * np.arange(frames)[:, None]
        spectrum = jnp.fft.rfft(padded[:, index] * window[None, None, :])
        power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
        mel = jnp.matmul(power, self.filters[...], precision=jax.lax.Precision.HIGHEST)
        return 10.0 * jnp.log10(jnp.maximum(mel, FLOOR))


def constants(spec: MelSpec, prefix: str) -> dict[str, np.ndarray]:
    """The leaves of `LogMel` as torchaudio would make them, named under `prefix`."""
    return {f'{prefix}.window': hann(spec.n_fft), f'{prefix}.filters': htk_filters(spec)}
