"""Where the audio of confused items lies, for a page that plays it.

Results do not say where data are, and a page that leaves the machine should not either. What is
asked for here is read from the run's own settings and the data as they lie now.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe import plan as planning
from jaxprobe.core.errors import JaxprobeError


class Sound(NamedTuple):
    """The audio of an item: a file, and in it a stretch in seconds (`end` None: to its end)."""

    path: Path
    start: float = 0.0
    end: float | None = None

    @property
    def fragment(self) -> str:
        """The stretch as browsers read it behind an address."""
        if not self.start and self.end is None:
            return ''
        return f'#t={self.start:g}' + ('' if self.end is None else f',{self.end:g}')


def sounds(workdir: Path, tasks: Iterable[str]) -> dict[str, dict[str, Sound]]:
    """Task -> item -> its sound, for the tasks of a run whose data are still there.

    Args:
        workdir: of the run; its pinned settings say where data lie.
        tasks: names as results have them.

    Returns:
        Only files that exist; a task whose data are gone is left out.
    """
    try:
        pinned = planning.pinned(workdir)
        asked = dict(pinned.get('tasks') or {})
        if pinned.get('manifest'):
            asked['own_data'] = {'manifest': pinned['manifest'], 'kind': pinned['kind']}
    except (FileNotFoundError, JaxprobeError, AttributeError, KeyError):
        return {}
    found = {name: _items(name, asked, pinned.get('data_dir', '')) for name in tasks}
    return {name: items for name, items in found.items() if items}


def _items(name: str, asked: dict[str, Any], data_dir: str) -> dict[str, Sound]:
    from jaxprobe.tasks import registry

    where = registry.default_data_dir(data_dir)
    for key, options in asked.items():
        try:
            task = registry.build(key, options, where)
            if task.name != name:
                continue
            items = task.items(where)
        except (JaxprobeError, OSError):
            continue  # Moved or removed since; the page then has no players for it.
        return {
            item.id: Sound(
                item.path, item.start, None if item.duration is None else item.start + item.duration
            )
            for item in items
            if item.path.is_file()
        }
    return {}
