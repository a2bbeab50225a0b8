"""Seeds that depend on names, never on the order in which work happens to be done.

`derive(root, 'synth_pitch', 'train', 17)` is the same number on every machine, in every
process and after every restart, so a run killed half way and continued elsewhere draws what an
undisturbed run would have drawn.
"""

import hashlib

import numpy as np


def derive(root: int, *names: object) -> int:
    """Derives a 32-bit seed from a root seed and any number of names.

    Args:
        root: the run's seed (`config.seed`).
        *names: strings or integers that say what the seed is for.

    Returns:
        An integer in [0, 2**32).

    >>> derive(0, 'a') == derive(0, 'a'), derive(0, 'a') == derive(1, 'a')
    (True, False)
    """
    text = '\x1f'.join([str(root), *(f'{type(n).__name__}:{n}' for n in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], 'little')


def random_state(root: int, *names: object) -> np.random.RandomState:
    """Returns numpy's legacy generator, whose streams are frozen across numpy versions."""
    return np.random.RandomState(derive(root, *names))
