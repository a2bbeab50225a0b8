"""Kaldi log mel energies and librosa chroma at 100 frames per second, in jax.

FBANK frame i covers samples 160 i to 160 i + 400; Chroma frame i is centred at 160 i, 12.5 ms
before that frame's centre. Nothing is standardised here: that belongs to the probe.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.blocks.frames import frames
from jaxprobe.encoders.fbank_chroma import filterbanks

HOP = 160
FBANK_FRAME, FBANK_FFT = 400, 512
CHROMA_FFT = 4096  # 512 would resolve no semitone below 500 Hz.
PREEMPHASIS = 0.97
FLOOR = float(np.finfo(np.float32).eps)  # Kaldi's floor under the logarithm.


class Params(NamedTuple):
    """Windows and filterbanks; nothing learned."""

    fbank_window: Array  # [400], Povey's.
    mel: Array  # [257 80]
    chroma_window: Array  # [4096], periodic Hann.
    chroma: Array  # [2049 12]


def make_params() -> Params:
    """Computes windows and filterbanks in float64 and rounds them once."""
    symmetric = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FBANK_FRAME) / (FBANK_FRAME - 1))
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(CHROMA_FFT) / CHROMA_FFT)
    return Params(
        fbank_window=jnp.asarray(symmetric**0.85, jnp.float32),
        mel=jnp.asarray(filterbanks.kaldi_mel(80, FBANK_FFT, 16000), jnp.float32),
        chroma_window=jnp.asarray(periodic, jnp.float32),
        chroma=jnp.asarray(filterbanks.chroma(CHROMA_FFT, 16000), jnp.float32),
    )


def fbank(params: Params, wave: Float[Array, 'B S']) -> Float[Array, 'B T 80']:
    """Kaldi's log mel energies of a wave in +-1 (dither 0, snip_edges).

    Per frame: remove the mean, pre-emphasise (the first sample stands before itself), Povey
    window, power spectrum of 512, 80 mel bands, logarithm.
    """
    framed = frames(wave, FBANK_FRAME, HOP)
    framed = framed - framed.mean(-1, keepdims=True)
    before = jnp.concatenate([framed[..., :1], framed[..., :-1]], axis=-1)
    framed = (framed - PREEMPHASIS * before) * params.fbank_window[None, None]
    return jnp.log(jnp.maximum(_bands(framed, FBANK_FFT, params.mel), FLOOR))


def chroma(params: Params, wave: Float[Array, 'B S']) -> Float[Array, 'B T 12']:
    """Chroma of the power spectrum, each frame divided by its largest class.

    Zeros stand beyond both ends of the wave; the tuning is A4 = 440 Hz, not estimated. A silent
    frame stays zero. As many frames as FBANK has.
    """
    count = 1 + (wave.shape[1] - FBANK_FRAME) // HOP
    half = CHROMA_FFT // 2
    # Centred frames reach past FBANK's last one: cut or pad the right end to exactly that many.
    padded = jnp.pad(wave, ((0, 0), (half, half)))[:, : CHROMA_FFT + HOP * (count - 1)]
    framed = frames(padded, CHROMA_FFT, HOP) * params.chroma_window[None, None]
    raw = _bands(framed, CHROMA_FFT, params.chroma)
    peak = raw.max(-1, keepdims=True)
    return raw / jnp.where(peak < np.finfo(np.float32).tiny, 1.0, peak)


def _bands(framed: Float[Array, 'B T F'], fft: int, bank: Float[Array, 'K D']) -> Array:
    """Sums the power spectrum into bands; never in an accelerator's short float formats."""
    spectrum = jnp.fft.rfft(framed, fft)
    power = spectrum.real**2 + spectrum.imag**2
    return jnp.matmul(power, bank, precision='highest')


def encode(params: Params, wave: Float[Array, 'B S']) -> tuple[Array, Array, Array]:
    """Encodes windows; layers `fbank` [B T 80], `chroma` [B T 12] and `concat` [B T 92]."""

    # One window at a time: the 4096-sample frames of a batch at once would take gigabytes and
    # fall out of every cache.
    def one(window):
        return fbank(params, window[None])[0], chroma(params, window[None])[0]

    mel, pitch = jax.lax.map(one, wave)
    return mel, pitch, jnp.concatenate([mel, pitch], axis=-1)


def build(card: Card, *, weights: str, arch: str, dtype: str, seed: int) -> Encoder:
    """Builds the encoder.

    Raises:
        ConfigError: weights, an architecture or a compute dtype is asked for; it has none.
    """
    del seed  # Nothing is drawn.
    for name, value, only in (
        ('weights', weights, ''),
        ('arch', arch, ''),
        ('dtype', dtype, 'float32'),
    ):
        if value != only:
            raise ConfigError(
                f'encoder.{name}={value!r}, but {card.name} is signal processing in float32: it '
                f'has no weights, no architecture and no compute dtype to choose. Leave '
                f'encoder.{name} at {only!r}.'
            )
    return Encoder(card=card, params=make_params(), encode=encode, weights_sha256='none')
