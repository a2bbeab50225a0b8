"""Spectra of waves and back, and the Wiener step, as MARBLE v1 has them: mono, 24 kHz.

Frame f of a wave is centred on its sample f hop; before the first and behind the last sample
stands the wave's reflection (torch's `center=True`). Windows are periodic Hann windows, nothing
is normalised. `tests/probes/separation/spectra_test.py` compares with torch.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

_EPSILON = 1e-10  # Open-Unmix's, of energies; its root regularises the filter.
_LOUD = 10.0  # Spectra above this are scaled down before the filter.


class Spectra(NamedTuple):
    """Sizes: samples per second, per transform and from frame to frame."""

    rate: int = 24000
    n_fft: int = 2048
    hop: int = 320

    @property
    def bins(self) -> int:
        """Frequencies of a spectrum, 0 Hz and half the rate included."""
        return self.n_fft // 2 + 1

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.rate / self.hop

    def samples(self, frames: int) -> int:
        """What `frames` frames are computed from."""
        return (frames - 1) * self.hop + self.n_fft

    def frames(self, samples: int) -> int:
        """Frames of a wave, its last sample covered."""
        return 1 + samples // self.hop


def hann(n_fft: int) -> Float[np.ndarray, 'S']:
    """A periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def analyse(sizes: Spectra, wave: Float[Array, '*K S']) -> Complex[Array, '*K T F']:
    """Spectra of a wave that has `n_fft / 2` samples of context at both ends."""
    frames = (wave.shape[-1] - sizes.n_fft) // sizes.hop + 1
    at = np.arange(frames)[:, None] * sizes.hop + np.arange(sizes.n_fft)[None, :]
    window = jnp.asarray(hann(sizes.n_fft)).reshape((1,) * wave.ndim + (-1,))
    return jnp.fft.rfft(wave[..., at] * window, axis=-1)


def synthesise(
    sizes: Spectra, spectra: Complex[Array, 'T F'], real: Int[Array, ''] | int
) -> Float[Array, 'S']:
    """The wave whose first `real` spectra these are, without the context at its start.

    Returns:
        T hop samples; what lies behind the last real frame means nothing.
    """
    there = (jnp.arange(spectra.shape[0]) < real).astype(jnp.float32)[:, None]
    window = jnp.asarray(hann(sizes.n_fft))[None, :]
    frames = jnp.fft.irfft(spectra, sizes.n_fft, axis=-1) * window * there
    weight = _overlapped(sizes, jnp.broadcast_to(window**2, frames.shape) * there)
    wave = _overlapped(sizes, frames) / jnp.where(weight > _EPSILON, weight, 1.0)
    begin = sizes.n_fft // 2
    return wave[begin : begin + spectra.shape[0] * sizes.hop]


def _overlapped(sizes: Spectra, frames: Float[Array, 'T N']) -> Float[Array, 'S']:
    """Adds frames where they belong: hop by hop, which needs no scatter."""
    steps = -(-sizes.n_fft // sizes.hop)
    count = frames.shape[0]
    padded = jnp.pad(frames, ((0, 0), (0, steps * sizes.hop - sizes.n_fft)))
    parts = padded.reshape(count, steps, sizes.hop)
    total = jnp.zeros((count + steps, sizes.hop), frames.dtype)
    for step in range(steps):
        total = total.at[step : step + count].add(parts[:, step])
    return total.reshape(-1)


def wiener_gain(
    mask: Float[Array, 'T F'], magnitude: Float[Array, 'T F'], block: int
) -> Float[Array, 'T F']:
    """What one step of Open-Unmix's filter multiplies the mixture's spectra with.

    Two sources, the estimate `mask * mixture` and what it leaves (the residual), one channel, one
    iteration. Equal to `openunmix.filtering.wiener` of version 1.3.0.

    Args:
        mask: of the target.
        magnitude: of the mixture.
        block: frames filtered together; T is a multiple of it.
    """

    def one(mask, magnitude):
        scale = jnp.maximum(1.0, magnitude.max() / _LOUD)
        shares = jnp.stack([mask, jnp.abs(1 - mask)])
        energy = (shares * (magnitude / scale)[None]) ** 2
        total = energy.sum(axis=1, keepdims=True)
        energy = energy * (total / (_EPSILON + total))
        return energy[0] / (energy.sum(axis=0) + _EPSILON**0.5)

    shape = (-1, block, mask.shape[-1])
    return jax.vmap(one)(mask.reshape(shape), magnitude.reshape(shape)).reshape(mask.shape)
