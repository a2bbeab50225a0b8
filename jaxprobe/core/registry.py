"""Names that become objects only when asked for.

A registry maps a name to `module:attribute`, so that listing names costs nothing and using one
encoder never imports another. Installed packages may add names through an entry-point group,
and a config may give a dotted path (`my_pkg.my_model:build`) in place of a name.
"""

import importlib
import importlib.metadata
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from jaxprobe.core.errors import ConfigError, JaxprobeError, suggest


def load_path(path: str, what: str = 'object') -> Any:
    """Imports `module:attribute`.

    Raises:
        ConfigError: the module or the attribute does not exist, or importing it fails.
    """
    module, _, attribute = path.partition(':')
    if not attribute:
        raise ConfigError(
            f'{what}={path!r} has no colon; a dotted path is written `package.module:attribute`.'
        )
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'{what}={path!r}: module {error.name!r} cannot be imported. Is it installed in this '
            f'environment, and is its folder on PYTHONPATH?'
        ) from error
    except JaxprobeError:
        raise
    except Exception as error:  # The user's own file: it may raise anything.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f'{what}={path!r}: importing {module} fails with {type(error).__name__}: {error} '
            f'({frame.filename}, line {frame.lineno}).'
        ) from error
    try:
        return getattr(found, attribute)
    except AttributeError as error:
        raise ConfigError(f'{what}={path!r}: {module} has no attribute {attribute!r}.') from error


class Registry(Mapping[str, str]):
    """A read-only table of name -> `module:attribute`, open to entry points and dotted paths."""

    def __init__(self, what: str, table: Mapping[str, str], group: str):
        """Builds the table.

        Args:
            what: the noun used in error messages ('encoder', 'task').
            table: our own names.
            group: the entry-point group whose names are added; ours win.
        """
        self._what = what
        self._own = dict(table)
        self._group = group
        self._all: dict[str, str] | None = None

    def _table(self) -> dict[str, str]:
        if self._all is None:
            found = importlib.metadata.entry_points(group=self._group)
            self._all = {e.name: e.value for e in found} | self._own
        return self._all

    def __getitem__(self, name: str) -> str:
        return self._table()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())

    def load(self, name: str) -> Any:
        """Imports what `name` (or a dotted path) stands for.

        Raises:
            ConfigError: the name is unknown; the message lists the near ones.
        """
        if ':' in name:
            return load_path(name, self._what)
        if name not in self._table():
            raise ConfigError(
                f'{self._what} {name!r} is unknown. {suggest(name, self)} '
                f'Your own: give a dotted path, `package.module:attribute`.'
            )
        return load_path(self._table()[name], self._what)
