"""Layers of equal width belong together: one array on disk, one on the device, one bank.

Everywhere in the project the embeddings of a set of windows are a dict from width D to an
array `[R, Lg, D]`, where Lg counts the layers of that width in depth order.
"""

from collections.abc import Sequence


def width_groups(widths: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Groups layer indices by width.

    Args:
        widths: the width of every layer, in depth order.

    Returns:
        Width -> indices of the layers that have it, groups in order of first appearance.

    >>> width_groups([561, 64, 64, 200])
    {561: (0,), 64: (1, 2), 200: (3,)}
    """
    groups: dict[int, list[int]] = {}
    for index, width in enumerate(widths):
        groups.setdefault(width, []).append(index)
    return {width: tuple(indices) for width, indices in groups.items()}
