"""What `study.similarity` may say: which sides are compared, on the audio of which task."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, suggest

FILE = 'across/similarity.json'  # In the working directory: the maps.
CLIPS = 'across/similarity.clips.json'  # Beside it: the audio they were made of.
SCHEMA, READS = 2, (1, 2)  # Layout of both files: what is written, and what is read.
WHAT = ('input', 'layers', 'encoders')


class Asked(NamedTuple):
    """One of `WHAT`, and the name of the task whose audio is compared on."""

    what: str
    task: str


def asked(text: str, tasks: Sequence[str]) -> list[Asked]:
    """Reads the setting: words separated by commas, each alone or as `word@task`.

    Args:
        text: of the config; '' asks for nothing.
        tasks: of the run; the first is meant where none is named.

    Raises:
        ConfigError: an unknown word or task.

    >>> asked('layers, input@gtzan_genre', ['emomusic', 'gtzan_genre'])[1]
    Asked(what='input', task='gtzan_genre')
    """
    found = []
    for part in filter(None, (word.strip() for word in text.split(','))):
        what, at, task = (word.strip() for word in part.partition('@'))
        if what not in WHAT:
            raise ConfigError(f'study.similarity: {what!r} is unknown. {suggest(what, WHAT)}')
        if at and task not in tasks:
            raise ConfigError(
                f'study.similarity={part!r}: {task!r} is not a task of this run. '
                f'{suggest(task, tasks)}'
            )
        found.append(Asked(what, task or tasks[0]))
    return list(dict.fromkeys(found))
