"""Where every tensor of a HuBERT-like checkpoint goes.

Names are the reference's but for flax's words (kernel, scale), the fused query, key and value,
and the positional convolution, whose weight norm is folded in.
"""

import re
from collections.abc import Mapping

import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import bijection, signatures

# What fine-tuned and renamed classes put before the names of the encoder.
PREFIXES = ('hubert.', 'data2vec_audio.', 'mert_model.', 'music_hubert.')

DROPPED = {
    'masked_spec_embed': 'the learned vector of masked frames; nothing is masked in evaluation',
}

# Weight norm: the names of torch 2's parametrization -> the legacy ones that files were saved with.
ALIASES = {
    '.parametrizations.weight.original0': '.weight_g',
    '.parametrizations.weight.original1': '.weight_v',
}

Entry = tuple[bijection.Theirs, bijection.Transform]


def fill(
    template: Mapping[str, tuple[int, ...]],
    tensors: Mapping[str, np.ndarray],
    source: str,
    heads: Mapping[str, str] | None = None,
) -> dict[str, np.ndarray]:
    """Fills the template from a checkpoint.

    Args:
        template: our leaf -> shape.
        tensors: everything the checkpoint holds, under its own names.
        source: what the user knows the file by.
        heads: tensors of a fine-tuned checkpoint that its encoder does not need, each with its
            reason. They have to be there: without them it is the checkpoint before fine-tuning.

    Returns:
        Our leaf -> array.

    Raises:
        WeightsError: the checkpoint is not of this model and these sizes.
    """
    tensors = canonical(tensors)
    filled = bijection.fill(
        template, tensors, mapping(template), DROPPED | dict(heads or {}), source, looks_like
    )
    absent = sorted(set(heads or {}) - set(tensors))
    if absent:
        raise WeightsError(
            f'{source} holds no {" and no ".join(absent)}: it is a self-supervised checkpoint, '
            f'and this encoder is the one fine-tuned from it, which has other features.'
        )
    return filled


def canonical(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors without a wrapper's prefix and under the legacy names of weight norm."""
    prefix = next((p for p in PREFIXES if any(name.startswith(p) for name in tensors)), '')
    renamed: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        new = name.removeprefix(prefix)
        for modern, legacy in ALIASES.items():
            new = new.replace(modern, legacy)
        renamed[name if new in renamed or (new != name and new in tensors) else new] = tensor
    return renamed


def mapping(template: Mapping[str, tuple[int, ...]]) -> dict[str, Entry]:
    """Our leaf -> (their tensors, transform)."""
    return {leaf: _entry(leaf, len(shape)) for leaf, shape in template.items()}


def _entry(leaf: str, rank: int) -> Entry:
    parent, _, kind = leaf.rpartition('.')
    if parent.startswith('pos_conv_embed'):  # Theirs is a part of their encoder.
        parent = f'encoder.{parent}'
    if parent.endswith('.qkv'):
        owner = parent.removesuffix('.qkv')
        word = 'weight' if kind == 'kernel' else 'bias'
        theirs = tuple(f'{owner}.{which}_proj.{word}' for which in 'qkv')
        return theirs, fused_kernels if kind == 'kernel' else fused_biases
    if leaf == 'pos_conv_embed.conv.kernel':
        return (f'{parent}.weight_g', f'{parent}.weight_v'), weight_normed
    if kind == 'kernel':
        return f'{parent}.weight', convolution if rank == 3 else np.transpose
    return f'{parent}.{"weight" if kind == "scale" else "bias"}', None


def fused_kernels(*weights: np.ndarray) -> np.ndarray:
    """Three (out, in) to one (in, 3 out)."""
    return np.concatenate(weights, axis=0).T


def fused_biases(*biases: np.ndarray) -> np.ndarray:
    """Three (out,) to one."""
    return np.concatenate(biases)


def convolution(weight: np.ndarray) -> np.ndarray:
    """(out, in, taps) to (taps, in, out)."""
    return weight.transpose(2, 1, 0)


def weight_normed(size: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """A weight-normed convolution as a plain one: the norm is over each *tap*, not each output."""
    direction = direction.astype(np.float64)
    length = np.sqrt(np.square(direction).sum(axis=(0, 1), keepdims=True))
    return convolution((direction * (size / length)).astype(np.float32))


_BLOCK = re.compile(r'encoder\.layers\.(\d+)\.attention\.k_proj\.weight')


def looks_like(tensors: Mapping[str, np.ndarray]) -> str | None:
    """Names the model these tensors seem to belong to, with depth and width where they show."""
    seen = signatures.looks_like(tensors)
    blocks = [name for name in tensors if _BLOCK.fullmatch(name)]
    if not seen or not blocks:
        return seen
    return f'{seen} with {len(blocks)} blocks of width {len(tensors[blocks[0]])}'
