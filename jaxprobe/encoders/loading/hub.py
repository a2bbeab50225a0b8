"""Finds the file an encoder's weights are in: the user's path, the Hugging Face cache, the hub.

Weights published elsewhere are brought by the user: the error says which file, and how.
Nothing is fetched unless the file is nowhere on this machine, and a machine without a network
learns so within seconds, with the exact file to bring.
"""

import os
import urllib.error
import urllib.request
from pathlib import Path

from jaxprobe.core.errors import WeightsError, suggest
from jaxprobe.encoders.base import WeightsRef

PROBE_SECONDS = 4.0  # Waited for the hub's first answer before the machine counts as offline.


def locate(ref: WeightsRef, weights: str, what: str) -> Path:
    """Returns the path of the weights file, downloading it where that is possible and needed.

    Args:
        ref: where the authors publish it.
        weights: the config's `encoder.weights`: '' for the published file, else a file, or a
            folder that holds a file of the published name.
        what: what the weights are for, in error messages.

    Raises:
        WeightsError: the file is nowhere; the message says how to bring it.
    """
    if weights:
        return _given(ref, Path(weights).expanduser(), what)
    if ref.kind == 'file':  # Published outside any hub: there is no cache to look into.
        raise WeightsError(
            f'{what}: its weights are not fetched by jaxprobe, they have to be brought by hand.\n'
            + _file(ref, ref.source)
            + _by_hand(ref)
        )
    found = cached(ref)
    return found if found else download(ref, what)


def _given(ref: WeightsRef, path: Path, what: str) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        inside = path / Path(ref.filename).name
        if inside.is_file():
            return inside
        names = sorted(p.name for p in path.iterdir())[:20]
        raise WeightsError(
            f'{what}: the folder {path} holds no {ref.filename}, the name its authors gave the '
            f'file; it holds: {", ".join(names) or "nothing"}. Give the path of the file itself, '
            f'--config.encoder.weights=PATH.'
        )
    near = ''
    if path.parent.is_dir():
        near = ' ' + suggest(path.name, [p.name for p in path.parent.iterdir()])
    raise WeightsError(
        f'{what}: there is no file {path}.{near} Leave encoder.weights empty for the published '
        f"file, or write 'random' for an untrained control."
    )


def cache_folder() -> Path:
    """The hub cache by Hugging Face's own rules, read when asked and not when imported."""
    for variable in ('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE'):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    home = os.environ.get('HF_HOME')
    if not home:
        home = os.path.join(os.environ.get('XDG_CACHE_HOME') or '~/.cache', 'huggingface')
    return Path(home).expanduser() / 'hub'


def cached(ref: WeightsRef) -> Path | None:
    """The file in the hub cache, whichever snapshot holds it; None where none does.

    The main branch's snapshot comes first, then others by name.
    """
    repository = cache_folder() / f'models--{ref.source.replace("/", "--")}'
    snapshots = repository / 'snapshots'
    if not snapshots.is_dir():
        return None
    main = repository / 'refs' / 'main'
    first = [snapshots / main.read_text().strip()] if main.is_file() else []
    for snapshot in [*first, *sorted(snapshots.iterdir())]:
        if (snapshot / ref.filename).is_file():  # Follows the link into blobs/.
            return snapshot / ref.filename
    return None


def download(ref: WeightsRef, what: str) -> Path:
    """Fetches the file into the hub cache.

    Raises:
        WeightsError: offline, refused, or huggingface_hub is not installed.
    """
    reason = _unreachable()
    if reason:
        raise WeightsError(_bring(ref, what, reason))
    try:
        import huggingface_hub
    except ImportError:
        raise WeightsError(_bring(ref, what, 'huggingface_hub is not installed')) from None
    try:
        return Path(
            huggingface_hub.hf_hub_download(
                ref.source, ref.filename, cache_dir=cache_folder(), etag_timeout=10
            )
        )
    except Exception as error:  # Its own families, those of its HTTP library, and OSError.
        reason = f'{type(error).__name__}: {str(error)[:300]}'
        raise WeightsError(_bring(ref, what, reason)) from error


def _unreachable() -> str:
    """Why the hub cannot be asked, or '' where it answers."""
    for variable in ('HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'):
        if os.environ.get(variable, '').upper() in ('1', 'ON', 'YES', 'TRUE'):
            return f'{variable} is set'
    endpoint = os.environ.get('HF_ENDPOINT') or 'https://huggingface.co'
    request = urllib.request.Request(endpoint, method='HEAD')
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()  # Proxies are respected.
    except urllib.error.HTTPError as error:
        error.close()  # An answer, if an unkind one: the hub is there.
    except (OSError, ValueError) as error:
        return f'{endpoint} cannot be reached ({getattr(error, "reason", error)})'
    return ''


def _bring(ref: WeightsRef, what: str, reason: str) -> str:
    return (
        f'{what}: its weights are not on this machine and could not be fetched: {reason}.\n'
        + _file(ref, f'https://huggingface.co/{ref.source}')
        + f'  looked in: {cache_folder()}\n'
        + 'On a machine with a network: '
        + _by_hand(ref)
    )


def _file(ref: WeightsRef, page: str) -> str:
    size = f' ({ref.size / 1e6:,.0f} MB)' if ref.size else ''
    sha256 = f'  sha256: {ref.sha256}\n' if ref.sha256 else ''
    return f'  file: {ref.filename}{size}\n  from: {page}\n{sha256}'


def _by_hand(ref: WeightsRef) -> str:
    return (
        f'{ref.how}\nThen bring the file here and give --config.encoder.weights=PATH (the file or '
        f'its folder), or use --config.encoder.weights=random for an untrained control.'
    )
