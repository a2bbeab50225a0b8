"""A working directory while a run works in it: held by that run alone, and swept of litter."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError

LOCK = '.lock'


@contextlib.contextmanager
def held(workdir: Path, *, first: bool = True) -> Iterator[None]:
    """Holds a working directory, and removes what killed runs left unfinished in it.

    Two runs of one plan would write the same files, but each takes away the record of a bank
    while it writes it, where the other one reads.

    Args:
        workdir: made if it is not there.
        first: whether this is the first process of a run; the others of it share the folder.

    Raises:
        StoreError: another run works there.
    """
    if not first:
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(fs.locked(workdir / LOCK))
        except fs.Held as holder:
            raise StoreError(
                f'another run works in {workdir} ({holder}). Wait for it or end it, then run the '
                f'same command again: it continues. Or give this one its own --workdir; '
                f'embeddings are shared.'
            ) from None
        fs.sweep(workdir, below=True)
        yield
