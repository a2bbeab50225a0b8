"""Which of our tensors is which of CLMR's, and how its releases wrap them."""

import math
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from jaxprobe.core import rng
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import Card
from jaxprobe.encoders.loading import bijection, checkpoint, hub, signatures, unpacked
from jaxprobe.encoders.loading.identity import tensors_sha256

# What stands before the encoder's names: in a Lightning checkpoint (release 2.1), in a plain one
# (2.0 and 1.0), and in the state dict of the encoder alone.
PREFIXES = ('model.encoder.', 'encoder.', '')
DROPPED = {
    '*num_batches_tracked': 'counts the batches of training; inference does not read it',
    '*projector.*': 'the head of the contrastive loss, thrown away after training as in the paper',
    '*fc.*': 'the classifier that the authors replace by the identity; the embedding is its input',
}
TWICE = {'encoder.*': 'the same encoder a second time: Lightning holds it under two names'}

LEAVES = {'gamma': 'weight', 'beta': 'bias', 'mean': 'running_mean', 'variance': 'running_var'}


def template(widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Our tensors and their shapes, `conv3/kernel`; kernels are [3 in out]."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (inputs, outputs) in enumerate(zip((1, *widths), widths, strict=False)):
        shapes[f'conv{i}/kernel'] = (3, inputs, outputs)
        shapes |= {f'conv{i}/{leaf}': (outputs,) for leaf in ('bias', *LEAVES)}
    return shapes


def key_map(
    widths: tuple[int, ...], prefix: str
) -> dict[str, tuple[bijection.Theirs, bijection.Transform]]:
    """Our tensors -> theirs, as `bijection.fill` takes them. A block is (convolution, norm)."""
    mapping: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {}
    for ours in template(widths):
        block, leaf = ours.split('/')
        place = f'{prefix}sequential.{block.removeprefix("conv")}'
        if leaf == 'kernel':  # Theirs is [out in 3].
            mapping[ours] = (f'{place}.0.weight', lambda kernel: kernel.transpose(2, 1, 0))
        elif leaf == 'bias':
            mapping[ours] = (f'{place}.0.bias', None)
        else:
            mapping[ours] = (f'{place}.1.{LEAVES[leaf]}', None)
    return mapping


def fill(
    widths: tuple[int, ...], tensors: Mapping[str, np.ndarray], source: str
) -> dict[str, np.ndarray]:
    """Renames a checkpoint's tensors into ours.

    Raises:
        WeightsError: tensors are missing, unexpected or mis-shaped.
    """
    marker = 'sequential.0.0.weight'
    prefix = next((p for p in PREFIXES if f'{p}{marker}' in tensors), PREFIXES[1])
    dropped = DROPPED | TWICE if prefix == PREFIXES[0] else DROPPED
    return bijection.fill(
        template(widths),
        tensors,
        key_map(widths, prefix),
        dropped,
        source,
        signatures.looks_like,
    )


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a checkpoint, also where it lies in the zip of a release.

    Raises:
        WeightsError: the file is none, damaged, or a zip without a checkpoint of CLMR.
    """
    if not zipfile.is_zipfile(path):
        return checkpoint.read(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.split('/', 1)[-1] == 'data.pkl' for name in names):
                return checkpoint.read(path)  # A torch file is a zip, too.
            return _unpacked(archive, _member(names, path), path)
    except unpacked.DAMAGE as error:
        raise WeightsError(f'{path} is a damaged zip: {error}. Fetch it again.') from error


def _member(names: list[str], path: Path) -> str:
    """The checkpoint in a release: of its .ckpt and .pt files, the one named after CLMR."""
    found = [name for name in names if PurePosixPath(name).suffix in ('.ckpt', '.pt')]
    named = [name for name in found if PurePosixPath(name).name.startswith('clmr')]
    if len(named) != 1:
        listed = ', '.join((named or found or names)[:10]) or 'nothing'
        raise WeightsError(
            f'{path} holds {len(named)} files clmr*.ckpt or clmr*.pt, a release of CLMR holds one: '
            f'{listed}. Unpack it and give the file you mean, --config.encoder.weights=PATH.'
        )
    return named[0]


def _unpacked(archive: zipfile.ZipFile, member: str, path: Path) -> dict[str, np.ndarray]:
    """Reads a member through a temporary file, since checkpoints are read where they lie."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / 'checkpoint'  # Whatever the zip calls it, it stays in here.
        with (
            archive.open(unpacked.checked(archive, member)) as source,
            open(inside, 'wb') as target,
        ):
            shutil.copyfileobj(source, target)
        try:
            return {name: np.array(tensor) for name, tensor in checkpoint.read(inside).items()}
        except WeightsError as error:
            shown = ''.join(c if c.isprintable() else '?' for c in member[:200])
            raise WeightsError(f'{path}: {str(error).replace(str(inside), shown)}') from error


def random(widths: tuple[int, ...], seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights as the authors initialise them: He uniform kernels."""
    tensors = {}
    for name, shape in template(widths).items():
        if name.endswith('kernel'):
            limit = math.sqrt(6.0 / (shape[0] * shape[1]))
            drawn = rng.random_state(seed, 'clmr', name).uniform(-limit, limit, shape)
        else:
            drawn = np.full(shape, 1.0 if name.endswith(('gamma', 'variance')) else 0.0)
        tensors[name] = drawn.astype(np.float32)
    return tensors


def load(
    card: Card, widths: tuple[int, ...], weights: str, seed: int
) -> tuple[dict[str, np.ndarray], str]:
    """Returns the tensors a config asks for and their identity for fingerprints.

    Raises:
        WeightsError: as `read` and `fill`, or the file is nowhere.
    """
    if weights == 'random':
        return random(widths, seed), f'random-{seed}'
    path = hub.locate(card.weights, weights, f'encoder {card.name}')
    tensors = fill(widths, read(path), str(path))
    return tensors, tensors_sha256(tensors)
