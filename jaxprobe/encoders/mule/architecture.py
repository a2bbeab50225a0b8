"""The shape of a SlowFast NFNet: its sizes, its parts by name, and the two orders they are in.

A part (`slow.2.0.narrow`, `fuse.1.time`) is a convolution, a dense layer or a learned scalar. The
authors' files name them by counters only: by the order in which the model was constructed (layer
names), or by the depth of the layers in the graph (numbered entries).
"""

import math
from typing import NamedTuple

ALPHA = 0.2  # Of every residual branch.
# What a block's main path is: narrow (1x1), time (1x3, carries the frequency stride), frequency
# (3x1), widen (1x1).
MAIN = ('narrow', 'time', 'frequency', 'widen')


class Arch(NamedTuple):
    """Sizes; the defaults are those of the published F0."""

    slow_stem: tuple[int, int, int, int] = (16, 32, 64, 128)
    fast_stem: tuple[int, int, int, int] = (2, 4, 8, 16)
    slow: tuple[int, ...] = (256, 512, 1536, 1536)
    fast: tuple[int, ...] = (32, 64, 192, 192)
    fuse: tuple[tuple[int, int], ...] = ((32, 128), (32, 256), (64, 512), (192, 3072))
    depths: tuple[int, ...] = (1, 2, 6, 3)
    slow_group: int = 128
    fast_group: int = 16


TINY = Arch(
    slow_stem=(2, 2, 3, 4),
    fast_stem=(2, 2, 2, 4),
    slow=(8, 16),
    fast=(4, 8),
    fuse=((3, 4), (3, 6)),
    depths=(1, 2),
    slow_group=4,
    fast_group=2,
)


def convolutions(a: Arch) -> dict[str, tuple[int, int, int, int]]:
    """Kernel shapes [frequency, time, in per group, out] by part, in order of construction."""
    shapes: dict[str, tuple[int, int, int, int]] = {}
    stems = {'slow': ((3, 1), (3, 1), (3, 1), (3, 3)), 'fast': ((3, 3),) * 4}
    widths = {'slow': a.slow_stem, 'fast': a.fast_stem}
    for path, sizes in stems.items():
        inputs = 1
        for i, (size, width) in enumerate(zip(sizes, widths[path], strict=True)):
            shapes[f'{path}.stem.{i}'] = (*size, inputs, width)
            inputs = width
    for path in ('slow', 'fast'):
        group = a.slow_group if path == 'slow' else a.fast_group
        for stage, block in blocks(a):
            inputs, outputs = _widths(a, path, stage, block)
            mid = outputs // 2
            name = f'{path}.{stage}.{block}'
            shapes[f'{name}.narrow'] = (1, 1, inputs, mid)
            shapes[f'{name}.time'] = (1, 3, group, mid)
            shapes[f'{name}.frequency'] = (3, 1, group, mid)
            shapes[f'{name}.widen'] = (1, 1, mid, outputs)
            if block == 0:
                shapes[f'{name}.skip'] = (1, 1, inputs, outputs)
    fast = (a.fast_stem[-1], *a.fast[:-1])
    for stage, (first, second) in enumerate(a.fuse):
        shapes[f'fuse.{stage}.time'] = (1, 7, fast[stage], first)
        shapes[f'fuse.{stage}.point'] = (1, 1, first, second)
    return shapes


def dense(a: Arch) -> dict[str, tuple[int, int]]:
    """Kernel shapes [in, out] of squeeze and excitation, in order of construction."""
    shapes = {}
    for path in ('slow', 'fast'):
        for stage, block in blocks(a):
            width = getattr(a, path)[stage]
            shapes[f'{path}.{stage}.{block}.squeeze'] = (width, width // 2)
            shapes[f'{path}.{stage}.{block}.excite'] = (width // 2, width)
    return shapes


def scalars(a: Arch) -> tuple[str, ...]:
    """The learned gains of the residual branches, in order of construction."""
    return tuple(
        f'{path}.{stage}.{block}.gain' for path in ('slow', 'fast') for stage, block in blocks(a)
    )


def blocks(a: Arch) -> tuple[tuple[int, int], ...]:
    """(stage, block) of a path."""
    return tuple((stage, block) for stage, depth in enumerate(a.depths) for block in range(depth))


def probe_points(a: Arch) -> tuple[tuple[str, int], ...]:
    """(name, width) of every layer a probe reads, in depth order.

    `stem` is what enters the first slow block, `slow2_1` the first block of the second slow
    stage, `fast2` the end of the second fast stage, and `embedding` the published 1728.
    """
    points = [('stem', a.slow_stem[-1] + a.fuse[0][1])]
    for stage, depth in enumerate(a.depths):
        points += [(f'slow{stage + 1}_{b + 1}', a.slow[stage]) for b in range(depth)]
        points.append((f'fast{stage + 1}', a.fast[stage]))
    return (*points, ('embedding', a.slow[-1] + a.fast[-1]))


def beta(stage: int, block: int) -> float:
    """What a block's input is multiplied with: one over the standard deviation it should have.

    The variance is 1 after a stem, and each residual branch adds alpha squared; the first block
    of a stage starts anew from the one before it.
    """
    branches = 0 if stage == 0 and block == 0 else 1 + block
    return 1.0 / math.sqrt(1.0 + branches * ALPHA**2)


def graph_order(a: Arch) -> tuple[str, ...]:
    """Every part in the order of `layer_with_weights-<i>`: deepest in the graph first.

    Slow and fast parts of one depth alternate. Up to the last stage the fast path runs ahead, as
    each slow stage waits for the fast stage before it; in the last, nothing waits.
    """
    order = []
    for i in range(4):
        order += [f'fast.stem.{i}', f'slow.stem.{i}']
    order.insert(order.index('slow.stem.3'), 'fuse.0.time')
    order.append('fuse.0.point')
    last = len(a.depths) - 1
    for stage, block in blocks(a):
        if stage and block == 0:
            order += [f'fuse.{stage}.time', f'fuse.{stage}.point']
        ahead, behind = ('fast', 'slow') if stage < last else ('slow', 'fast')
        first, second = (f'{path}.{stage}.{block}' for path in (ahead, behind))
        for part in MAIN:
            order += [f'{first}.{part}', f'{second}.{part}']
        if stage < last:
            order += [f'{n}.{part}' for n in (first, second) for part in ('squeeze', 'excite')]
            order += [f'{n}.{part}' for n in (first, second) for part in _ends(block)]
        else:
            order += [f'{n}.{part}' for part in ('squeeze', 'excite') for n in (first, second)]
            order += [f'{n}.{part}' for part in _ends(block) for n in (first, second)]
    return tuple(order)


def _ends(block: int) -> tuple[str, ...]:
    return ('gain', 'skip') if block == 0 else ('gain',)


def _widths(a: Arch, path: str, stage: int, block: int) -> tuple[int, int]:
    """Channels into and out of a block; a slow stage begins with the fused fast one beside it."""
    outs = getattr(a, path)
    if block:
        return outs[stage], outs[stage]
    before = outs[stage - 1] if stage else getattr(a, f'{path}_stem')[-1]
    return before + (a.fuse[stage][1] if path == 'slow' else 0), outs[stage]
