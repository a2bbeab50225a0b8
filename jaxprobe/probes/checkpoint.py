"""What is kept on disk of a bank in training, so that one that was killed goes on where it was.

A folder holds the cells of finished waves (`wave-00003.npz`) and the state of the wave that trains
(`state.npz`): parameters, moments, best parameters and schedules. All else is drawn again from its
seeds, so that a bank that goes on ends with the bits of one that never stopped.

A checkpoint that is damaged, or of a bank that was cut otherwise (other memory, devices of another
kind or number, another jaxlib), is not believed: the bank begins anew. CPUs are not told apart.
"""

import math
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxprobe.core import fs
from jaxprobe.probes.mesh import Placement
from jaxprobe.probes.packing import Packed, Retired

LAYOUT = 1  # Of the files.
_SHARE = 0.05  # Of the time may go into writing.
# Members beside the arrays. The last one says how many there are: a zip's directory has no sum.
_IDENTITY, _MEMBERS = 'identity', 'members'

T = TypeVar('T')


class Checkpoint(NamedTuple):
    """Where a bank keeps its state, and how often.

    Attributes:
        folder: of this bank alone; whoever has its result removes it.
        identity: of all that decides the bank's numbers.
        seconds: of training between two checkpoints, at least.
    """

    folder: Path
    identity: str
    seconds: float


class State(NamedTuple):
    """A wave between two epochs.

    Attributes:
        packed: family -> its blocks.
        gone: family -> finished cells that have no place in them.
        sizes: family -> cells of a block.
        epoch: the next one.
    """

    packed: dict[int, list[Packed]]
    gone: dict[int, list[Retired]]
    sizes: dict[int, int]
    epoch: int


class Log:
    """The checkpoints of one bank."""

    def __init__(
        self,
        where: Checkpoint | None,
        cut: str,
        family: Int[np.ndarray, 'P'],
        like: Mapping[int, Packed],
    ):
        """Reads nothing yet.

        Args:
            where: None keeps nothing.
            cut: how the bank is cut into waves, blocks and batches, and by what it is computed.
            family: of every cell.
            like: family -> a block of it, of any size.
        """
        self._where = where
        self._identity = f'{LAYOUT} {where.identity} {cut}' if where else ''
        self._family = family
        self._packed = {number: jax.tree.structure(one) for number, one in like.items()}
        self._retired = {
            number: jax.tree.structure(Retired(one.cells, one.block.kept))
            for number, one in like.items()
        }
        self._due = time.monotonic() + where.seconds if where else math.inf

    def ended(self, wave: int) -> list[Retired] | None:
        """The cells of a wave, where it has ended."""

        def cells(found: Mapping[str, np.ndarray]) -> list[Retired]:
            each = (_trees(found, f'retired.{f}', like) for f, like in self._retired.items())
            return [one for several in each for one in several]

        return self._read(f'wave-{wave:05}', cells)

    def end(self, wave: int, cells: Iterable[Retired]) -> list[Retired]:
        """Keeps the cells of a wave that has ended; returns them."""
        cells = list(cells)

        def arrays() -> Iterator[tuple[str, np.ndarray]]:
            for family in self._retired:
                mine = [one for one in cells if self._family[one.cells[0]] == family]
                yield from _arrays(f'retired.{family}', mine)

        if self._where is not None:
            self._write(self._where, f'wave-{wave:05}', arrays())
        return cells

    def state(self, wave: int) -> State | None:
        """Where a wave stood when it was last kept."""

        def stood(found: Mapping[str, np.ndarray]) -> State | None:
            if int(found['wave']) != wave:
                return None
            sizes = {int(family): int(size) for family, size in found['sizes']}
            return State(
                {f: _trees(found, f'packed.{f}', self._packed[f]) for f in sizes},
                {f: _trees(found, f'gone.{f}', self._retired[f]) for f in sizes},
                sizes,
                int(found['epoch']),
            )

        return self._read('state', stood)

    def offer(self, wave: int, state: State, placement: Placement) -> None:
        """Keeps where a wave stands, if it is time to."""
        if self._where is None or time.monotonic() < self._due:
            return

        def arrays() -> Iterator[tuple[str, np.ndarray]]:
            yield 'wave', np.asarray(wave)
            yield 'epoch', np.asarray(state.epoch)
            yield 'sizes', np.asarray(list(state.sizes.items()))
            for family in state.sizes:
                # Of copies, as an array keeps what it was on the host.
                each = (p._replace(block=_copy(p.block)) for p in state.packed[family])
                yield from _arrays(f'packed.{family}', map(placement.host, each))
                yield from _arrays(f'gone.{family}', state.gone[family])

        began = time.monotonic()
        self._write(self._where, 'state', arrays())
        now = time.monotonic()
        self._due = now + max(self._where.seconds, (now - began) / _SHARE)

    def _write(
        self, where: Checkpoint, name: str, arrays: Iterable[tuple[str, np.ndarray]]
    ) -> None:
        """Writes what `np.load` reads, one array after another: all may be more than memory."""
        written = 0
        try:
            with (
                fs.replacing(where.folder / f'{name}.npz') as temporary,
                zipfile.ZipFile(temporary, 'w') as archive,
            ):
                for member, array in arrays:
                    _add(archive, member, array)
                    written += 1
                _add(archive, _IDENTITY, np.asarray(self._identity))
                _add(archive, _MEMBERS, np.asarray(written + 2))
        except OSError as error:  # All that is lost without it is time, and only if it is killed.
            print(f'\n   no checkpoint of this bank was written: {error}')

    def _read(self, name: str, make: Callable[[Mapping[str, np.ndarray]], T]) -> T | None:
        """What `make` finds in a file; None where there is none to be believed."""
        if self._where is None:
            return None
        try:
            with (
                open(self._where.folder / f'{name}.npz', 'rb') as file,
                np.load(file, allow_pickle=False) as stored,
            ):
                whole = int(stored[_MEMBERS]) == len(stored.files) == len(set(stored.files))
                if whole and str(stored[_IDENTITY]) == self._identity:
                    return make(stored)
        except FileNotFoundError:
            pass
        except Exception as error:  # A damaged zip may be refused by any of zipfile and numpy.
            print(f'\n   {self._where.folder / name}.npz is damaged ({error}): not believed')
        return None


NO_LOG = Log(None, '', np.zeros(0, int), {})


def _add(archive: zipfile.ZipFile, member: str, array: np.ndarray) -> None:
    with archive.open(f'{member}.npy', 'w', force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _copy(tree: Any) -> Any:
    return jax.tree.map(jnp.copy, tree)


def _arrays(prefix: str, trees: Iterable[Any]) -> Iterator[tuple[str, np.ndarray]]:
    for place, tree in enumerate(trees):
        for leaf, value in enumerate(jax.tree.leaves(tree)):
            yield f'{prefix}.{place:05}.{leaf:05}', np.asarray(value)


def _trees(arrays: Mapping[str, np.ndarray], prefix: str, structure: Any) -> list[Any]:
    leaves = [arrays[name] for name in sorted(arrays) if name.startswith(f'{prefix}.')]
    return [
        jax.tree.unflatten(structure, leaves[start : start + structure.num_leaves])
        for start in range(0, len(leaves), structure.num_leaves)
    ]
