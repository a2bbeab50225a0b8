"""Where every tensor of a MuQ or MusicFM checkpoint goes.

A mapping entry says which of their tensors make one of our leaves, and how. Batch norms are
folded into the convolution before them: in evaluation they are a scale and a shift.
"""

import functools
from collections.abc import Mapping

import numpy as np

from jaxprobe.encoders.blocks.conv_stem import tokens
from jaxprobe.encoders.loading import bijection, signatures
from jaxprobe.encoders.muq.architecture import Architecture

BATCH_NORM_EPSILON = 1e-5
PREFIX = 'model.'  # Both files were saved from a wrapper.

# Leaves that MusicFM's files bring and MuQ's does not, or that one of them might leave out.
CONSTANTS = {
    'mel.window': 'preprocessor_melspec_2048.mel_stft.spectrogram.window',
    'mel.filters': 'preprocessor_melspec_2048.mel_stft.mel_scale.fb',
    'conformer.inv_freq': 'conformer.embed_positions.inv_freq',
}

_DROPPED = {
    'cls_token': 'created by the reference and never used',
    '*.num_batches_tracked': 'a training counter',
    'conformer.pos_conv_embed.*': 'saved by the reference but never called with rotary positions',
    'linear.weight': 'pre-training head',
    'linear.bias': 'pre-training head',
}
DROPPED_MUQ = _DROPPED | {
    'rvq.*': 'pre-training target: residual vector quantiser',
    'quantizer_melspec_2048.*': 'pre-training target: random projection quantiser',
}
DROPPED_MUSICFM = _DROPPED | {
    'quantizer_melspec_2048_0.*': 'pre-training target: random projection quantiser',
}


def fill(
    name: str,
    a: Architecture,
    template: Mapping[str, tuple[int, ...]],
    tensors: Mapping[str, np.ndarray],
    source: str,
) -> dict[str, np.ndarray]:
    """Fills the template from a checkpoint.

    Args:
        name: 'muq', 'musicfm_msd' or 'musicfm_fma'; decides which extra tensors are known.
        a: the architecture behind `template`.
        template: our leaf -> shape.
        tensors: everything the checkpoint holds, under its own names.
        source: what the user knows the file by.

    Returns:
        Our leaf -> array. Constants that the file does not bring are left out.

    Raises:
        WeightsError: the checkpoint is not of this model and these sizes.
    """
    tensors = strip_prefix(tensors)
    known = {k: v for k, v in CONSTANTS.items() if name != 'muq' or not k.startswith('mel.')}
    brought = {k: (theirs, None) for k, theirs in known.items() if theirs in tensors}
    entries = mapping(a) | brought
    return bijection.fill(
        {leaf: shape for leaf, shape in template.items() if leaf in entries},
        tensors,
        entries,
        DROPPED_MUQ if name == 'muq' else DROPPED_MUSICFM,
        source,
        signatures.looks_like,
    )


def strip_prefix(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Removes the wrapper's prefix where every name carries it."""
    if all(name.startswith(PREFIX) for name in tensors):
        return {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
    return dict(tensors)


def mapping(a: Architecture) -> dict[str, tuple[bijection.Theirs, bijection.Transform]]:
    """Our leaf -> (their tensors, transform), constants left out."""
    flatten = functools.partial(_flattened, bands=tokens(a.n_mels))
    entries: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {
        'stem.linear.kernel': ('conv.linear.weight', flatten),
        'stem.linear.bias': ('conv.linear.bias', None),
        **_norm('conformer.layer_norm', 'conformer.layer_norm'),
    }
    for block in range(2):
        for conv in (1, 2, 3):
            entries |= _stem_conv(f'stem.blocks.{block}', f'conv.conv.{block}', conv)
    for layer in range(a.depth):
        entries |= _block(f'conformer.layers.{layer}')
    return entries


def _stem_conv(ours: str, theirs: str, n: int) -> dict:
    conv, norm = f'{theirs}.conv{n}', f'{theirs}.bn{n}'
    scale = (f'{norm}.weight', f'{norm}.running_var')
    shift = (f'{norm}.bias', f'{norm}.running_mean')
    return {
        f'{ours}.conv{n}.kernel': ((f'{conv}.weight', *scale), _conv2d),
        f'{ours}.conv{n}.bias': ((f'{conv}.bias', *scale, *shift), _conv2d_bias),
    }


def _block(name: str) -> dict:
    """One conformer block; all but the convolution module is named as in the reference."""
    entries = {}
    for norm in ('ffn1', 'self_attn', 'ffn2', 'final'):
        entries |= _norm(f'{name}.{norm}_layer_norm', f'{name}.{norm}_layer_norm')
    for part in (
        *(f'ffn{n}.{dense}_dense' for n in (1, 2) for dense in ('intermediate', 'output')),
        *(f'self_attn.linear_{which}' for which in ('q', 'k', 'v', 'out')),
    ):
        entries[f'{name}.{part}.kernel'] = (f'{name}.{part}.weight', np.transpose)
        entries[f'{name}.{part}.bias'] = (f'{name}.{part}.bias', None)
    conv = f'{name}.conv_module'
    norm = f'{conv}.batch_norm'
    scale = (f'{norm}.weight', f'{norm}.running_var')
    shift = (f'{norm}.bias', f'{norm}.running_mean')
    return entries | {
        **_norm(f'{conv}.layer_norm', f'{conv}.layer_norm'),
        f'{conv}.pointwise_conv1.kernel': (f'{conv}.pointwise_conv1.weight', _pointwise),
        f'{conv}.depthwise_conv.kernel': ((f'{conv}.depthwise_conv.weight', *scale), _depthwise),
        f'{conv}.depthwise_conv.bias': ((*scale, *shift), _shift),
        f'{conv}.pointwise_conv2.kernel': (f'{conv}.pointwise_conv2.weight', _pointwise),
    }


def _norm(ours: str, theirs: str) -> dict:
    return {f'{ours}.scale': (f'{theirs}.weight', None), f'{ours}.bias': (f'{theirs}.bias', None)}


def _scale(gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return (gamma / np.sqrt(variance.astype(np.float64) + BATCH_NORM_EPSILON)).astype(np.float32)


def _shift(
    gamma: np.ndarray, variance: np.ndarray, beta: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    return beta - mean * _scale(gamma, variance)


def _conv2d(weight: np.ndarray, gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(out, in, frequency, time) to (time, frequency, in, out)."""
    return weight.transpose(3, 2, 1, 0) * _scale(gamma, variance)


def _conv2d_bias(
    bias: np.ndarray, gamma: np.ndarray, variance: np.ndarray, beta: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    return bias * _scale(gamma, variance) + _shift(gamma, variance, beta, mean)


def _depthwise(weight: np.ndarray, gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(width, 1, taps) to (taps, width)."""
    return weight[:, 0, :].T * _scale(gamma, variance)


def _pointwise(weight: np.ndarray) -> np.ndarray:
    """(out, in, 1) to (in, out)."""
    return weight[:, :, 0].T


def _flattened(weight: np.ndarray, bands: int) -> np.ndarray:
    """The projection's inputs from channel-major to band-major order."""
    width = weight.shape[0]
    return weight.reshape(width, -1, bands).transpose(2, 1, 0).reshape(-1, width)
