"""The errors a user can meet, and the one way near names are suggested.

An error of ours says what arrived, what was expected, the likely slip and the next step, in
one message. The families tell the user where to look: the config, the data, the weights, the store
or another process.
"""

import difflib
from collections.abc import Iterable


class JaxprobeError(Exception):
    """Base of every error the user can mend; the command line prints it without a trace."""


class ConfigError(JaxprobeError):
    """A name, value or combination in the config or on the command line cannot be used."""


class DataError(JaxprobeError):
    """Audio, labels or splits are missing, unreadable or contradict each other."""


class WeightsError(JaxprobeError):
    """A checkpoint is missing, damaged, or belongs to another model."""


class StoreError(JaxprobeError):
    """A store or a working directory is damaged or was made by another plan."""


class PeerError(JaxprobeError):
    """Another process of the run ended, or cannot be reached."""


def suggest(name: str, known: Iterable[str], *, show: int = 20) -> str:
    """Phrases the near names of a misspelt one.

    Args:
        name: what the user wrote.
        known: the names that would have worked.
        show: how many known names to list at most.

    Returns:
        Text to end an error message with: "Did you mean 'muq'? Known: mert, muq."

    >>> suggest('muqq', ['muq', 'mule'])
    "Did you mean 'muq'? Known: mule, muq."
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = 'Did you mean ' + ' or '.join(repr(n) for n in near) + '? ' if near else ''
    more = '' if len(names) <= show else f' and {len(names) - show} more'
    return f'{hint}Known: {", ".join(names[:show])}{more}.'
