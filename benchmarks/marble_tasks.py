"""The sizes of MARBLE's tasks, as a bank sees them: items, windows, frames, outputs, protocol.

Protocol numbers, outputs and items are those of `jaxprobe.tasks`, which needs nothing but Python.
How many windows an item has is a matter of its audio, and the audio is not needed here:

- one for GTZAN (30 s), MagnaTagATune (29.1 s) and NSynth (4 s); six of 5 s for EmoMusic; clips of
  30 s for GiantSteps, as MARBLE v1 cuts them (spec/tasks.md, 7.3).
- MTG-Jamendo: 30 s over whole tracks, partial ones counted, as in v1: training rows by
  spec/tasks.md 7.8, the others from the hours of the card. Tracks differ in length; how is not in
  our files, so windows per track are drawn log-normal (sigma 0.45) and scaled to the total.
- VocalSet: v1's chunks of 3 s come out of a voice-activity trim of the user's audio. Here their
  number follows from hours and recordings (half a chunk of each is lost), 48 : 32 : 20 for
  singers, 9 : 6 : 5 singers and 10 of 17 folders for techniques: an estimate, and named so.
- frame tasks: windows of the protocol over the card's hours, all of their frames.
"""

from typing import NamedTuple

import numpy as np

from jaxprobe.probes.spec import TRAINED_AS
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import Protocol

SCRIPTED = (
    'gtzan_genre',
    'giantsteps_key',
    'emomusic',
    'magnatagatune',
    'mtg_top50',
    'mtg_genre',
    'mtg_instrument',
    'mtg_moodtheme',
    'nsynth_instrument',
    'nsynth_pitch',
    'vocalset_singer',
    'vocalset_technique',
)
FRAMED = ('gtzan_rhythm', 'harmonix_structure')

_RECORDINGS = 3555  # Of VocalSet.
_SHARES = {'vocalset_singer': (0.48, 0.32, 0.2), 'vocalset_technique': (0.45, 0.3, 0.25)}
_CLIPS = {'train': 3687, 'valid': 942, 'test': 2406}  # Of GiantSteps.
_MTG_TRAIN = {
    'mtg_top50': 278_000,
    'mtg_genre': 282_000,
    'mtg_instrument': 119_000,
    'mtg_moodtheme': 78_000,
}


class Size(NamedTuple):
    """A task by its numbers.

    Attributes:
        name: of the task.
        kind: what it is trained as.
        outputs: C.
        protocol: the task's own.
        count: split -> windows of every item (items of a frame task are its windows).
        frames: per window; 0 where a row is a window.
        hours: of audio.
        estimated: whether numbers of windows are an estimate (see the module's docstring).
    """

    name: str
    kind: str
    outputs: int
    protocol: Protocol
    count: dict[str, np.ndarray]
    frames: int
    hours: float
    estimated: bool

    @property
    def windows(self) -> dict[str, int]:
        """Windows of each split."""
        return {split: int(count.sum()) for split, count in self.count.items()}

    @property
    def rows(self) -> dict[str, int]:
        """What the bank reads of each split: windows, or all of their frames."""
        return {split: n * max(self.frames, 1) for split, n in self.windows.items()}


def size(name: str) -> Size:
    """The numbers of a task of `SCRIPTED` or `FRAMED`."""
    task = registry.build(name)
    card, protocol, kind = task.card, task.protocol, task.kind.value
    count = _counts(name, dict(card.items), card.hours, protocol)
    frames = round(protocol.window_seconds * protocol.frame_rate) if task.kind.framewise else 0
    if frames:
        count = {split: np.ones(int(own.sum()), int) for split, own in count.items()}
    estimated = name.startswith(('mtg_', 'vocalset_', 'harmonix_'))
    return Size(
        name,
        TRAINED_AS.get(kind, kind),
        len(task.labels),
        protocol,
        count,
        frames,
        card.hours,
        estimated,
    )


def _counts(
    name: str, items: dict[str, int], hours: float, protocol: Protocol
) -> dict[str, np.ndarray]:
    if name == 'giantsteps_key':
        return {split: _even(items[split], total) for split, total in _CLIPS.items()}
    if name in _MTG_TRAIN:
        return _mtg(name, items, hours)
    if name in _SHARES:
        chunks = hours * 3600 / protocol.window_seconds - _RECORDINGS / 2
        chunks *= 10 / 17 if name == 'vocalset_technique' else 1
        shares = zip(('train', 'valid', 'test'), _SHARES[name], strict=True)
        return {split: np.ones(round(share * chunks), int) for split, share in shares}
    if name == 'harmonix_structure':  # The last window of a song overlaps: half a window more.
        total = hours * 3600 / protocol.window_seconds + sum(items.values()) / 2
        share = total / sum(items.values())
        return {split: _even(n, round(n * share)) for split, n in items.items()}
    each = {'emomusic': 6, 'gtzan_rhythm': 3}.get(name, 1)
    return {split: np.full(n, each) for split, n in items.items()}


def _mtg(name: str, items: dict[str, int], hours: float) -> dict[str, np.ndarray]:
    total, train = hours * 120 + sum(items.values()) / 2, _MTG_TRAIN[name]
    rest = {'valid': items['valid'], 'test': items['test']}
    totals = {s: round((total - train) * n / sum(rest.values())) for s, n in rest.items()}
    random = np.random.RandomState(0)
    return {
        split: _scaled(np.exp(0.45 * random.standard_normal(items[split])), rows)
        for split, rows in ({'train': train} | totals).items()
    }


def _even(n: int, total: int) -> np.ndarray:
    return total // n + (np.arange(n) < total % n)


def _scaled(shape: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers, at least one, that sum to `total` and follow `shape`."""
    found = np.maximum(1, np.floor(shape * total / shape.sum())).astype(int)
    missing = total - int(found.sum())
    found[np.argsort(-shape)[: abs(missing)]] += np.sign(missing)
    return found
