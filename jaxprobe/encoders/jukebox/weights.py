"""Where every tensor of Jukebox's two files goes, and how 10 GB go there without 10 GB of memory.

The VQ-VAE and the tables before the first layer are small and filled at once. The prior's layers
are checked by name and shape first, all of them, without reading one; then they are read three by
three into stacks (`loading.streamed`).
"""

import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import jax.numpy as jnp
import ml_dtypes
import numpy as np
from jaxtyping import Array

from jaxprobe.core import rng
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import WeightsRef
from jaxprobe.encoders.jukebox import card, conditioning, prior, vqvae
from jaxprobe.encoders.jukebox.architecture import ATTENTION, DOWNS, Architecture
from jaxprobe.encoders.loading import bijection, checkpoint, signatures, streamed
from jaxprobe.encoders.loading.identity import tensors_sha256

Mapped = dict[str, tuple[bijection.Theirs, bijection.Transform]]
Loaded = tuple[dict[str, Array], str]  # Our leaves, and what identifies them.

WRAPPER = 'module.'  # Of training on several devices; the reference strips it too.
CACHES = ('~/.cache/jukebox/models/5b', '~/.cache/jukemirlib')  # Of the authors' own packages.
TOP = 2  # Level of the codes that the top prior reads.

DROPPED_VQVAE = {
    'encoders.0.*': 'encoder of the finest codes; the top prior reads the coarsest',
    'encoders.1.*': 'encoder of the middle codes',
    'decoders.*': 'from codes back to audio',
    'bottleneck.level_blocks.0.k': 'codebook of the finest codes',
    'bottleneck.level_blocks.1.k': 'codebook of the middle codes',
}

_TIMES = ('total_length_emb', 'absolute_pos_emb', 'relative_pos_emb')  # Tables.

CODEBOOK_SCALE = 0.1  # Of random codes: about what the untrained encoder puts out.
FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32)


def dropped_prior(a: Architecture) -> dict[str, str]:
    """Patterns of the prior's tensors that are not used -> why."""
    upper = range(a.prior_depth, a.file_depth)
    reason = 'the upper layers serve to generate; jukemir found the middle ones to know most'
    return {
        'prior.x_out.weight': 'from the last layer to the next token',
        **{f'prior.transformer._attn_mods.{layer}.*': reason for layer in upper},
    }


def find(weights: str) -> tuple[Path, Path]:
    """The paths of the VQ-VAE's file and of the prior's.

    Args:
        weights: the config's `encoder.weights`: a folder with both, or either file with the other
            beside it; '' for the folders in which the jukebox and jukemirlib packages keep them.

    Raises:
        WeightsError: one or both are absent; it names which, their sizes and addresses.
    """
    path = Path(weights).expanduser()
    folders = [Path(cache).expanduser() for cache in CACHES]
    if weights:
        if not path.is_dir() and path.name not in (card.VQVAE.filename, card.PRIOR.filename):
            raise WeightsError(
                f'encoder jukebox_5b: {path} is no folder. Its weights are two files, '
                f'{card.VQVAE.filename} and {card.PRIOR.filename}: give the folder that holds '
                f'both under these names, --config.encoder.weights=FOLDER.'
            )
        folders = [path if path.is_dir() else path.parent]
    refs = (card.VQVAE, card.PRIOR)
    lacking: tuple[WeightsRef, ...] = refs
    for folder in folders:
        absent = tuple(ref for ref in refs if not (folder / ref.filename).is_file())
        if not absent:
            return folder / card.VQVAE.filename, folder / card.PRIOR.filename
        if len(absent) < len(lacking):
            lacking = absent
    files = ''.join(
        f'\n  file: {ref.filename} (about {ref.size / 1e6:,.0f} MB)\n  from: '
        f'{ref.source}{ref.filename}'
        for ref in lacking
    )
    raise WeightsError(
        f'encoder jukebox_5b: {" and ".join(ref.filename for ref in lacking)} cannot be found; '
        f'its weights are two files and lie on no hub.{files}\n'
        f'  looked in: {", ".join(map(str, folders))}\n'
        f'On a machine with a network: {card.PRIOR.how}; or use --config.encoder.weights=random '
        f'for an untrained control. Their licence allows no commercial use.'
    )


def load(a: Architecture, paths: tuple[Path, Path]) -> Loaded:
    """Reads both files.

    Args:
        a: the sizes.
        paths: from `find`.

    Returns:
        Our leaves, layers' kernels in the file's own dtype (float16 as published: half the memory,
        and the same numbers) and everything else in float32; and their identity.

    Raises:
        WeightsError: a file is damaged or does not fit.
    """
    encoder = bijection.fill(
        vqvae.shapes(a),
        _unwrapped(paths[0]),
        vqvae_map(a),
        DROPPED_VQVAE,
        str(paths[0]),
        signatures.looks_like,
    )
    small = {name: np.array(leaf, np.float32) for name, leaf in encoder.items()}
    params, sha256 = prior_params(a, paths[1])
    digest = hashlib.sha256(f'{tensors_sha256(small)} {sha256}'.encode()).hexdigest()
    return _placed(small) | params, digest


def prior_params(a: Architecture, path: Path) -> Loaded:
    """Reads the prior's file; `load` says more."""
    theirs = _unwrapped(path)
    tables = _checked(a, theirs, str(path))
    small = {name: np.array(leaf, np.float32) for name, leaf in tables.items()}
    del theirs, tables  # The mapping ends before the layers are read.
    leaves, sha256 = _streamed(a, functools.partial(_unwrapped, path))
    digest = hashlib.sha256(f'{tensors_sha256(small)} {sha256}'.encode()).hexdigest()
    return _placed(small) | leaves, digest


def random(a: Architecture, seed: int) -> Loaded:
    """Draws untrained weights: norms are identities, biases zero, kernels uniform.

    The bound sqrt(3 / inputs) keeps the variance of what passes. Tables are normal; the
    codebook's rows are as long as what the untrained encoder puts out, or all frames would get
    the shortest one. Kernels of layers are drawn in half precision, as the published file is.
    """
    draw = functools.partial(_drawn, seed)
    small = {name: draw(name, shape) for name, shape in vqvae.shapes(a).items()}
    small['vqvae.codebook'] *= CODEBOOK_SCALE
    small |= {name: draw(name, shape) for name, shape in prior.table_shapes(a).items()}
    shapes = {
        theirs: (shape, leaf.endswith('kernel'))
        for layer in range(a.prior_depth)
        for leaf, theirs, shape in _layer_names(a, layer)
    }

    def source() -> Mapping[str, np.ndarray]:
        return _Lazy({t: functools.partial(_random_layer, draw, t, *s) for t, s in shapes.items()})

    leaves, _ = _streamed(a, source)
    return _placed(small) | leaves, f'random-{seed}'


class _Lazy(Mapping[str, np.ndarray]):
    """Tensors that are made when asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], np.ndarray]]):
        self._makers = makers

    def __getitem__(self, name: str) -> np.ndarray:
        return self._makers[name]()

    def __iter__(self):
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _random_layer(
    draw: Callable[[str, tuple[int, ...]], np.ndarray],
    name: str,
    shape: tuple[int, ...],
    kernel: bool,
) -> np.ndarray:
    return draw(name, shape).astype(np.float16 if kernel else np.float32)


def _drawn(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    kind = name.rsplit('.', 1)[-1]
    state = rng.random_state(seed, 'jukebox_5b', name)
    if kind in ('kernel', 'w'):
        bound = math.sqrt(3.0 / math.prod(shape[:-1]))
        return state.uniform(-bound, bound, shape).astype(np.float32)
    if name.startswith('prior.transformer'):  # Norms and biases of layers.
        return np.full(shape, float(kind == 'weight'), np.float32)
    if kind == 'bias':
        return np.zeros(shape, np.float32)
    return state.standard_normal(shape).astype(np.float32)


def vqvae_map(a: Architecture) -> Mapped:
    """Our leaf -> (their tensor, transform) for the VQ-VAE's file."""
    entries: Mapped = {'vqvae.codebook': (f'bottleneck.level_blocks.{TOP}.k', None)}
    for level, downs in enumerate(DOWNS):
        theirs = f'encoders.{TOP}.level_blocks.{level}.model'
        ours = f'vqvae.level{level}'
        entries |= _conv(f'{ours}.out', f'{theirs}.{downs}')
        for down in range(downs):
            entries |= _conv(f'{ours}.down{down}.conv', f'{theirs}.{down}.0')
            for block in range(a.depth):
                residual = f'{theirs}.{down}.1.model.{block}.model'
                entries |= _conv(f'{ours}.down{down}.block{block}.dilated', f'{residual}.1')
                entries |= _conv(f'{ours}.down{down}.block{block}.pointwise', f'{residual}.3')
    return entries


def _conv(ours: str, theirs: str) -> Mapped:
    """(out, in, taps) to (taps, in, out)."""
    return {
        f'{ours}.kernel': (f'{theirs}.weight', np.transpose),
        f'{ours}.bias': (f'{theirs}.bias', None),
    }


def tables_map(a: Architecture) -> Mapped:
    """Our leaf -> (their tensors, transform) for what comes before the prior's first layer."""
    return {
        'prior.tokens': ('prior.x_emb.weight', None),
        'prior.start': (
            ('y_emb.artist_emb.emb.weight', 'y_emb.bow_genre_emb.emb.weight'),
            conditioning.start,
        ),
        'prior.positions': (
            ('prior.pos_emb.pos_emb', *(f'y_emb.{table}.emb.weight' for table in _TIMES)),
            lambda places, *tables: places + conditioning.labels(a, *tables),
        ),
    }


def prior_tensors(a: Architecture, layers: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the prior's file that are read, with so many layers."""
    width = a.prior_width
    found = {
        'prior.x_emb.weight': (a.bins, width),
        'prior.pos_emb.pos_emb': (a.n_ctx, width),
        'y_emb.artist_emb.emb.weight': (a.artists, width),
        'y_emb.bow_genre_emb.emb.weight': (a.genres, width),
    }
    for table in _TIMES:
        found[f'y_emb.{table}.emb.weight'] = (a.times, width)
    for layer in range(layers):
        found |= {theirs: shape for _, theirs, shape in _layer_names(a, layer)}
    return found


def _layer_names(a: Architecture, layer: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """Our leaf, their tensor and its shape, for all of a layer; nothing is transformed."""
    suffixes = {'kernel': 'w', 'scale': 'weight'}
    found = []
    for leaf, shape in prior.layer_shapes(a).items():
        module, ours = leaf.rsplit('.', 1)
        bias = 'bias' if module.startswith('ln') else 'b'
        theirs = f'prior.transformer._attn_mods.{layer}.{module}.{suffixes.get(ours, bias)}'
        found.append((leaf, theirs, shape))
    return found


def _checked(a: Architecture, theirs: Mapping[str, np.ndarray], source: str) -> dict:
    """Holds the prior's file to the whole model and returns the tables before the first layer."""
    template, entries = prior.table_shapes(a), tables_map(a)
    for layer in range(a.prior_depth):
        for leaf, name, shape in _layer_names(a, layer):
            template[f'{layer}.{leaf}'] = shape
            entries[f'{layer}.{leaf}'] = (name, None)
    filled = bijection.fill(
        template, theirs, entries, dropped_prior(a), source, signatures.looks_like
    )
    used = {name for names, _ in entries.values() for name in _tuple(names)}
    strange = sorted(f'{n} ({theirs[n].dtype})' for n in used if theirs[n].dtype not in FLOATS)
    if strange:
        raise WeightsError(
            f'{source} holds tensors that are no 16 or 32 bit floats: {", ".join(strange[:5])}. '
            f'Was it converted? The published file stores float16 and float32.'
        )
    return {name: filled[name] for name in prior.table_shapes(a)}


def _tuple(names: bijection.Theirs) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _streamed(a: Architecture, source: streamed.Source) -> Loaded:
    """The layers in threes, kernels in the dtype they come in."""
    groups, leaves = [], prior.layer_shapes(a)
    for first in range(0, a.prior_depth, len(ATTENTION)):
        members = [_layer_names(a, first + i) for i in range(len(ATTENTION))]
        groups.append({leaf: [m[i][1] for m in members] for i, leaf in enumerate(leaves)})
    dtypes = {leaf: None if leaf.endswith('kernel') else np.float32 for leaf in leaves}
    stacks, sha256 = streamed.stack(source, groups, dtypes)
    return {f'layers.{name}': stack for name, stack in stacks.items()}, sha256


def _placed(small: Mapping[str, np.ndarray]) -> dict[str, Array]:
    return {name: jnp.asarray(leaf) for name, leaf in small.items()}


def _unwrapped(path: Path) -> dict[str, np.ndarray]:
    """A file's tensors, without the wrapper of training on several devices."""
    return {n.removeprefix(WRAPPER): tensor for n, tensor in checkpoint.read(path).items()}
