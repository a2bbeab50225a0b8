"""What is wrong with a command line, in words a user can act on.

absl and ml_collections parse it; they name the mistake of an override poorly or not at all.
"""

from collections.abc import Sequence
from pathlib import Path

from jaxprobe.core.config import base, fields, nearest_field
from jaxprobe.core.errors import ConfigError, suggest


def check(argv: Sequence[str]) -> None:
    """Refuses an override without its config, or before it, and a config file that is not there.

    Raises:
        ConfigError: what is wrong, with the near file names.
    """
    positions = [i for i, a in enumerate(argv) if a.startswith('--config=')]
    overrides = [i for i, a in enumerate(argv) if a.startswith(('--config.', '--noconfig.'))]
    if overrides and not positions:
        raise ConfigError(
            f'{argv[overrides[0]]} overrides a config, but there is no --config=FILE.'
        )
    if overrides and overrides[0] < positions[0]:
        raise ConfigError(f'{argv[overrides[0]]} must come after --config=FILE.')
    for i in positions:
        path = Path(argv[i].removeprefix('--config=').partition(':')[0])
        if not path.is_file():
            known = sorted(str(p) for p in path.parent.glob('*.py'))
            raise ConfigError(
                f'--config={path}: no such file (looked from {Path.cwd()}). '
                f'{suggest(str(path), known) if known else ""}'
            )


def explain(argv: Sequence[str], error: Exception) -> str:
    """Says which setting was wrong and names the near ones.

    Args:
        argv: the command line that could not be parsed.
        error: what the parser raised.
    """
    known = set(fields(base()))
    for argument in argv:
        if argument.startswith(('--config.tasks=', '--config.tasks.')):
            return _of_tasks(argument)
        name = argument.partition('=')[0].removeprefix('--config.')
        if argument.startswith('--config.') and name not in known:
            near = nearest_field(base(), name)
            hint = f'Did you mean {near}?' if near else f'Settings: {", ".join(sorted(known))}.'
            return f'--config.{name}: no such setting. {hint}'
    return f'{type(error).__name__}: {error} See `python -m jaxprobe.launch --help`.'


def _of_tasks(argument: str) -> str:
    """Says how tasks are set: they are in the config file, each with its options."""
    if argument.startswith('--config.tasks.'):
        return (
            f'{argument}: the config has no such task, names no such option of it, or another type '
            f'of value. Only what a config file names can be changed here; write it there, '
            f'c.tasks = dict(emomusic=dict(crop=0.0)), or give all tasks at once: '
            f"--config.tasks=\"{{'emomusic': {{'crop': 0.0}}}}\"."
        )
    return (
        f'{argument}: tasks are no list of names: each has options. They are written in the config '
        f'file, c.tasks = dict(gtzan_genre={{}}, emomusic=dict(crop=0.0)), or all at once here: '
        f"--config.tasks=\"{{'gtzan_genre': {{}}, 'emomusic': {{'crop': 0.0}}}}\"."
    )
