"""Two principal components of every layer over the test items, kept as a record without cells.

`<task>@projection`: its `meta['projection']` holds the points, under the hash of the record, and
the keys of the audio behind them, so that `jaxprobe verify` can read the same rows from the store
and find them again (`check`). An item is the mean of its windows; all test items make the
components, and at most `SHOWN` of them, drawn by the run's seed, are kept as points.

Points are rounded to four digits of the layer's largest coordinate. That is what is checked, too:
an edit below it cannot be told from the rounding of another processor.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int

from jaxprobe.analysis import projection
from jaxprobe.core import rng
from jaxprobe.features import reader
from jaxprobe.features.keys import keys_of
from jaxprobe.probes import moments
from jaxprobe.probes.spec import BankResult, Source, Split
from jaxprobe.stages import results
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known, Opened
from jaxprobe.stages.projection import KIND
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.stores import clips_of
from jaxprobe.stages.training import Trained, splits_of

SHOWN = 500
DIGITS = 4
BUDGET = 2**30  # Bytes of moments held at once; layers beyond it are read in further passes.
_TOLERANCE = 2.0 * 10**-DIGITS  # Of a layer's largest coordinate; rounding alone is half of it.


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """The projection; none for tasks of frames, whose windows have no single row."""
    del own
    if not study.projection or known.task.kind.framewise:
        return []
    return [
        Job(
            grid=known.grid,
            kind=KIND,
            what='two principal components of every layer over the test items',
            solve=_solve,
            decides={'shown': SHOWN, 'digits': DIGITS},
        )
    ]


def _solve(opened: Opened) -> Trained:
    known, splits = opened.known, splits_of(opened)
    layers = [layer.name for layer in known.encoder.card.layers]
    items = known.by_split['test']
    shown = chosen(len(items), known.meta['root_seed'], known.task.name)
    keys = iter(keys_of(clips_of(items), known.plan.store_dir).keys)
    meta = {
        'method': 'PCA',
        'shown': shown.tolist(),
        'clips': [[next(keys) for _ in item.paths] for item in items],
        'layers': project(splits['test'], layers, known.widths, shown),
    }
    wanted = {name: split.targets for name, split in splits.items()}
    return Trained(_without_cells(splits, known), wanted, {'projection': meta})


def chosen(items: int, root_seed: int, task: str) -> Int[np.ndarray, 'n']:
    """Which items are shown, in order; the same for every encoder."""
    order = rng.random_state(root_seed, KIND, task).permutation(items)
    return np.sort(order[:SHOWN])


def project(
    split: Split,
    layers: Sequence[str],
    layer_widths: Sequence[int],
    shown: Int[np.ndarray, 'n'],
    budget: int = BUDGET,
) -> list[dict[str, Any]]:
    """Finds the components of every layer and where the shown items lie.

    Args:
        split: the items and their rows.
        layers: names, in depth order.
        layer_widths: of the layers.
        shown: items whose points are returned.
        budget: bytes of moments held at once.

    Returns:
        Per layer {'source', 'explained': [a, b], 'points': [[x, y]]}, rounded.
    """
    few = Split(split.groups, split.first[shown], split.count[shown], split.targets[shown])
    sources = [Source(name, (index,)) for index, name in enumerate(layers)]
    nothing = np.zeros((len(split.count), 0))
    found = []
    for portion in moments.portions([8 * 4 * width**2 for width in layer_widths], budget):
        here = sources[portion]
        seen = moments.of_split(split, nothing, here, layer_widths, by_item=True)
        parts = [projection.principal(one.scatter) for one in seen]
        points: list[list[Float64[np.ndarray, 'n 2']]] = [[] for _ in here]
        for _, views in moments.read(few, here, layer_widths, by_item=True):
            for place, one, part, view in zip(points, seen, parts, views, strict=True):
                place.append((view.astype(np.float64) - one.mean) @ part.vectors)
        for source, part, place in zip(here, parts, points, strict=True):
            found.append(
                {
                    'source': source.name,
                    'explained': [round(float(share), DIGITS) for share in part.explained],
                    'points': _rounded(np.concatenate(place)),
                }
            )
    return found


def _rounded(points: Float[np.ndarray, 'n 2']) -> list[list[float]]:
    """Four digits of the largest coordinate."""
    largest = np.abs(points).max()
    decimals = DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0 else 0
    return (np.round(points, decimals) + 0.0).tolist()  # + 0.0: no negative zero.


def _without_cells(splits: dict[str, Split], known: Known) -> BankResult:
    nothing = np.zeros(0)
    outputs = known.grid.outputs
    return BankResult(
        source=(),
        learning_rate=nothing,
        seed=nothing.astype(np.int64),
        best_epoch=nothing.astype(np.int64),
        epochs_run=nothing.astype(np.int64),
        best_monitor=nothing,
        diverged=nothing.astype(bool),
        ensemble=(),
        valid_logits=np.zeros((0, len(splits['valid'].count), outputs), np.float32),
        test_logits=np.zeros((0, len(splits['test'].count), outputs), np.float32),
        mix_weights=np.zeros((0, len(known.widths)), np.float32),
    )


def check(folder: Path, name: str, store_dir: Path) -> tuple[int, list[str]]:
    """Projects the test items again from the store and compares.

    Args:
        folder: of the record.
        name: of the record, `<task>@projection`.
        store_dir: holds the store.

    Returns:
        How many numbers were compared, and a sentence for every layer that differs.

    Raises:
        StoreError: the record or the store is absent or damaged, or lacks the audio.
    """
    meta = results.load_bank(folder, name).meta
    stored, encoder = meta['projection'], meta['encoder']
    layers = [layer['name'] for layer in encoder['layers']]
    widths = tuple(layer['width'] for layer in encoder['layers'])
    keys = [key for item in stored['clips'] for key in item]
    files = np.array([len(item) for item in stored['clips']])
    shown = np.asarray(stored['shown'])
    with reader.RowReader(store_dir / meta['store']['dir'], keys) as rows:
        at = np.cumsum(files) - files
        count = np.add.reduceat(rows.count, at)
        split = Split(rows, rows.first[at], count, np.zeros(len(files), np.int64))
        again = project(split, layers, widths, shown)
    found = list(_differences(name, stored['layers'], again))
    if shown.tolist() != chosen(len(files), meta['root_seed'], meta['task']['name']).tolist():
        found.append(f'{name}: the items that are shown are not those that the seed draws')
    return sum(2 + 2 * len(layer['points']) for layer in again), found


def _differences(
    name: str, stored: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]
) -> Iterator[str]:
    if [one['source'] for one in stored] != [one['source'] for one in again]:
        yield f'{name}: the layers are not those of the encoder'
        return
    for one, two in zip(stored, again, strict=True):
        points, wanted = np.asarray(one['points']), np.asarray(two['points'])
        if points.shape != wanted.shape:
            yield f'{name}: {one["source"]} has {len(points)} points, from the store {len(wanted)}'
            continue
        far = np.abs(points - wanted).max(axis=1, initial=0.0)
        most = np.abs(wanted).max(initial=0.0)
        if (far > _TOLERANCE * most).any():
            i = int(far.argmax())
            yield (
                f'{name}: {one["source"]}: point {i} stored {one["points"][i]}, from the store '
                f'{two["points"][i]}'
            )
        if np.abs(np.subtract(one['explained'], two['explained'])).max() > _TOLERANCE:
            yield (
                f'{name}: {one["source"]}: explained stored {one["explained"]}, from the store '
                f'{two["explained"]}'
            )
