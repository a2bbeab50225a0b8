"""What identifies a set of weights, whichever file they came in."""

import hashlib
from collections.abc import Mapping

import numpy as np


def tensors_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """Hashes names, shapes, types and bytes of tensors, in the order of their names.

    The same weights in a wheel, a folder or a re-packed archive get the same identity, and two
    models in one archive get different ones.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = np.asarray(tensors[name], order='C')
        digest.update(f'{name} {tensor.dtype.str} {tensor.shape}\n'.encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
