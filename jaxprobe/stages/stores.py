"""The store that an encoder and a task read, and which of its rows are whose."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.options import changed
from jaxprobe.features import reader
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import EncoderPlan, Plan, framing
from jaxprobe.stages import frame_probe, separation_probe
from jaxprobe.tasks.base import Item, Kind, Task


def store_spec(encoder: Encoder, chosen: EncoderPlan, task: Task, plan: Plan) -> StoreSpec:
    """Everything that decides the bytes of the store this encoder and task read."""
    card = frame_probe.encoder_of(encoder, task, plan.extract.pooling).card
    windows = framing(card, task, chosen.window_seconds, chosen.preset)
    return StoreSpec(
        encoder=card.name,
        weights_sha256=encoder.weights_sha256,
        port_version=card.port_version,
        layers=tuple((layer.name, layer.width) for layer in card.layers),
        compute_dtype=chosen.dtype,
        store_dtype=plan.extract.dtype,
        sample_rate=card.sample_rate,
        window_samples=windows.samples,
        hop_samples=windows.hop,
        tail=windows.tail,
        short=windows.short,
        min_samples=card.min_samples,
        lead_samples=windows.lead,
        lead_fill=card.lead_fill,
        pooling=card.pooling,
        normalise=card.normalise,
        options=changed(card.options, chosen.options),
        frames=stored_frames(task, card, windows.samples),
        batch_windows=batch_windows(plan.extract.batch_windows, windows.samples, card.sample_rate),
    )


def stored_frames(task: Task, card: Card, samples: int) -> int:
    """Frames that are stored of a window; 0 for tasks of means."""
    if task.kind is Kind.SEPARATION:
        return separation_probe.stored_frames(task, card, samples)
    return frame_probe.frames_per_window(task, samples, card.sample_rate)


def batch_windows(asked: int, samples: int, rate: int) -> int:
    """Windows per device step: about 48 seconds of audio unless the config says a number."""
    return asked or max(1, min(64, round(48 * rate / samples)))


def clips_of(items: Sequence[Item]) -> list[Clip]:
    """What goes through the encoder for these items: their files, item after item."""
    return [
        clip
        for item in items
        for clip in (Clip(item.path, item.start, item.duration), *map(Clip, item.more))
    ]


def clips_per_item(items: Sequence[Item]) -> Int[np.ndarray, 'N']:
    """How many of `clips_of` belong to each item."""
    return np.array([len(item.paths) for item in items], np.int64)


def rows_of(
    items: Sequence[Item], rows: reader.RowReader
) -> tuple[Int[np.ndarray, 'N'], Int[np.ndarray, 'N']]:
    """First row and number of rows of every item; those of its files follow each other."""
    files = clips_per_item(items)
    at = np.cumsum(files) - files
    return rows.first[at], np.add.reduceat(rows.count, at)


def of_split(items: Sequence[Item], split: str) -> list[Item]:
    """The items of one split, in order."""
    return [item for item in items if item.split == split]
