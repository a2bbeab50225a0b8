"""Reads a checkpoint of any format, told apart by its bytes and not by its name."""

from pathlib import Path

import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import safetensors_file, torch_file

# What people have in place of a checkpoint: first bytes -> what it is and what to do.
_SLIPS = {
    b'version https://git-lfs': (
        'is a Git LFS pointer, not the file itself: the repository was cloned without LFS. Run '
        '`git lfs pull` there, or download the file'
    ),
    b'<': 'is a web page, not a checkpoint: the address of the page was saved, not the file',
    b'\x89HDF': 'is an HDF5 file; the published checkpoint is safetensors or torch',
    b'{': 'is JSON, not a checkpoint; a config.json belongs in encoder.arch',
}


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a safetensors file or of a torch file's state dict.

    Returns:
        Their name -> read-only array, mapped from disk and not yet in memory.

    Raises:
        WeightsError: the file is none of these, damaged, or holds no tensors.
    """
    with open(path, 'rb') as file:
        start = file.read(64)
    if not start:
        raise WeightsError(f'{path} is empty. Fetch it again.')
    if safetensors_file.is_safetensors(path):
        return safetensors_file.read(path)
    for bytes_, slip in _SLIPS.items():
        if start.lstrip().startswith(bytes_):
            raise WeightsError(f'{path} {slip}.')
    if path.suffix == '.safetensors' and not start.startswith((b'PK', b'\x80')):
        return safetensors_file.read(path)  # Its length is damaged: the error is to say so.
    return torch_file.read(path)
