"""What a bank of separation will need, proved by compiling its programs before any work.

Nothing is read but headers of files. Memory is what the compiler gave the very programs that will
run, for as many models at once as fit; time is measured on one model and one window, so it is an
upper bound where many of them share a device.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.audio import decode
from jaxprobe.core.errors import DataError
from jaxprobe.features.spec import StoreSpec
from jaxprobe.probes.separation import bank, chunk, programs
from jaxprobe.probes.separation.bank import Setup
from jaxprobe.probes.separation.data import Data, Whole, Windows
from jaxprobe.probes.spec import BankSpec
from jaxprobe.stages import stem_waves
from jaxprobe.stages.separation_probe import head_of, planned_frames, spectra_of
from jaxprobe.tasks.base import Item, Task


class Needs(NamedTuple):
    """Of one bank: bytes of memory, minutes at most, and in words how it was cut."""

    bytes: float
    minutes: float
    note: str


def needs(
    spec: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    store: StoreSpec,
    items: Sequence[Item],
    windows: int,
    max_cells: int,
) -> Needs:
    """Estimates a bank.

    Args:
        spec: of the bank.
        widths: of the layers.
        task: of the items.
        store: that the bank will read.
        items: of all splits.
        windows: of all items.
        max_cells: the user's bound; 0 for none.

    Raises:
        ConfigError: the bank cannot be, or not one model fits.
        DataError: no judged item can be opened.
    """
    setup = _setup(spec, widths, task, store, items, windows)
    cuts = [bank.prove(setup, family, max_cells) for family in range(len(setup.kinds))]
    models = len(setup.plan.cells.source) * setup.data.targets
    seconds = max(_pace(setup, family) for family in range(len(setup.kinds)))
    rows = len(setup.data.train.counts)
    largest = max(cuts, key=lambda cut: cut.bytes)
    note = (
        f'{task.name}: {largest.models} of {models} models at once; compiled, their programs need '
        f'{largest.bytes / 1e9:.2f} GB of {largest.usable / 1e9:.2f} GB that may be used'
    )
    return Needs(largest.bytes, spec.epochs * rows * models * seconds / 60, note)


def waves_row(task: Task, items: Sequence[Item], seconds: float) -> dict[str, Any]:
    """The waves of mixtures and stems, as a row of the table of stores."""
    rate = spectra_of(task).rate
    size = stem_waves.disk_bytes(seconds, len(task.labels), rate)
    return {
        'store': f'stems-{rate}',
        'hours': round(seconds * (len(task.labels) + 1) / 3600, 2),
        'windows': len(items),
        'MB': round(size / 1e6, 3),
        'TFLOP': 0.0,
        'minutes': 0.0,
    }


def _setup(
    spec: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    store: StoreSpec,
    items: Sequence[Item],
    windows: int,
) -> Setup:
    """The bank's grid, over data of which only the sizes are known."""
    sizes, targets = spectra_of(task), len(task.labels)
    frames = planned_frames(store.window_samples, store.sample_rate, sizes)
    train = sum(item.split == 'train' for item in items)
    rows = max(1, round(windows * train / max(1, len(items))))
    longest = max(_seconds([item for item in items if item.split != 'train']))
    most = max(1, -(-round(longest * store.sample_rate) // store.hop_samples))
    song = Whole(np.zeros((1, targets)), iter, (most, round(longest * sizes.rate)))  # type: ignore
    part = Windows(np.ones((rows, frames), bool), iter)  # type: ignore
    data = Data(part, part, {'test': song}, store.frames, targets)
    return bank.set_up(spec, head_of(task), sizes, widths, data)


def _seconds(items: Sequence[Item]) -> list[float]:
    lengths = []
    for item in items:
        if item.duration is not None:
            lengths.append(item.duration)
            continue
        try:
            lengths.append(decode.probe(item.path).seconds - item.start)
        except DataError:
            continue  # `jaxprobe prepare` is where bad files are listed.
    if not lengths:
        raise DataError(f'none of {len(items)} items has audio that can be opened.')
    return lengths


def _pace(setup: Setup, family: int) -> float:
    """Seconds that one model needs for one window: the faster of two steps on noise."""
    import jax

    recipe, shape = setup.kinds[family]
    shape = shape._replace(windows=1)
    program = programs.training(recipe, shape, 1)
    state = np.random.RandomState(0)
    learner, rate, who, batch, *_ = jax.tree.map(
        lambda a: np.asarray(state.randn(*a.shape), a.dtype), _arguments(recipe, shape)
    )
    key, zero = jax.random.key(0, impl='threefry2x32'), np.int32(0)
    times = []
    for _ in range(2):
        given = jax.tree.map(lambda a: jax.numpy.array(a, copy=True), learner)
        began = time.monotonic()
        jax.block_until_ready(program(given, rate, who, batch, key, zero, zero))
        times.append(time.monotonic() - began)
    return min(times)


def _arguments(recipe: chunk.Recipe, shape: programs.Shape) -> tuple[Any, ...]:
    made = programs.chunk_shapes(recipe, shape, 1)
    return made.learner, made.kept.schedule.rate, made.who, programs.batch_shapes(recipe, shape)
