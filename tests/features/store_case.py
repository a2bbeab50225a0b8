"""What the store's tests share: a light encoder, its spec, and small real wave files."""

from pathlib import Path

import numpy as np
import soundfile

from jaxprobe.encoders.base import Card, Encoder, Layer, WeightsRef
from jaxprobe.features.spec import Clip, StoreSpec

RATE = 8000
WINDOW = 4000
LAYERS = (Layer('rms', 8), Layer('bands', 8), Layer('top', 4))


def card() -> Card:
    return Card(
        name='fake',
        title='Framed energies',
        sample_rate=RATE,
        layers=LAYERS,
        mix=(0, 1),
        frame_rate=RATE / 400,
        receptive_field=0.05,
        window_seconds=WINDOW / RATE,
        window_samples=WINDOW,
        min_samples=1,
        short='repeat',
        weights=WeightsRef(kind='none'),
        code_licence='Apache-2.0',
        weights_licence='none',
        training_data='none',
        citation='',
        homepage='',
        gflop_per_second=0.0,
        build='tests.features.store_case:encoder',
    )


def _encode(params, wave):
    import jax.numpy as jnp

    frames = wave.reshape(wave.shape[0], -1, 400)
    bands = jnp.abs(jnp.fft.rfft(frames))[..., 1:].reshape(*frames.shape[:2], 8, -1).mean(-1)
    rms = jnp.sqrt((frames**2).reshape(*frames.shape[:2], 8, 50).mean(-1))
    return rms, bands, (bands @ params['top'])[:, ::2]


def encoder() -> Encoder:
    top = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    return Encoder(card(), {'top': top}, _encode, 'none')


def spec(**changes) -> StoreSpec:
    values = {
        'encoder': 'fake',
        'weights_sha256': 'none',
        'port_version': 1,
        'layers': tuple((layer.name, layer.width) for layer in LAYERS),
        'sample_rate': RATE,
        'window_samples': WINDOW,
        'hop_samples': WINDOW,
        'batch_windows': 4,
    }
    return StoreSpec(**(values | changes))


def wave(seed: int, seconds: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(100, 2000) * t)
    return (0.3 * tone + 0.05 * rng.standard_normal(len(t))).astype(np.float32)


def write_clips(folder: Path, seconds: list[float], first: int = 0) -> list[Clip]:
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for i, length in enumerate(seconds, start=first):
        path = folder / f'{i:03d}.wav'
        soundfile.write(path, wave(i, length), RATE)
        clips.append(Clip(path))
    return clips


def files(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.iterdir())}
