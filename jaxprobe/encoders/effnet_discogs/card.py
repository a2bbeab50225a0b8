"""Cards of the two EffNet-Discogs models that papers use under one name."""

import dataclasses

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Preset

PAGE = 'https://essentia.upf.edu/models/feature-extractors/discogs-effnet/'
WINDOW_SAMPLES = 128 * 256  # 128 frames of 16 ms.
LEAD_SAMPLES = 256  # Half of the first frame lies before the window.
HOP_SAMPLES = 62 * 256


def _layers(outputs: int) -> tuple[Layer, ...]:
    widths = {
        'block1a': 16,
        'block2b': 24,
        'block3b': 40,
        'block4c': 80,
        'block5c': 112,
        'block6d': 192,
        'block7a': 320,
        'top': 1280,
    }
    maps = tuple(Layer(name, width) for name, width in widths.items())
    vectors = Layer('embedding', 1280, frames=False), Layer('predictions', outputs, frames=False)
    return (*maps, *vectors)


def _weights(filename: str, size: int) -> WeightsRef:
    return WeightsRef(
        kind='file',
        source=PAGE,
        filename=filename,
        size=size,
        how=f'curl -O {PAGE}{filename}',
    )


EFFNET_DISCOGS = Card(
    name='effnet_discogs',
    title='EffNet-Discogs, artist-contrastive (B0)',
    sample_rate=16000,
    layers=_layers(512),
    mix=(),
    frame_rate=4 / 2.048,
    receptive_field=2.048,
    window_seconds=2.048,
    window_samples=WINDOW_SAMPLES,
    lead_samples=LEAD_SAMPLES,
    lead_fill='zeros',
    hop_samples=HOP_SAMPLES,
    fixed_window=True,
    min_samples=512,
    short='repeat',
    weights=_weights('discogs_artist_embeddings-effnet-bs64-1.pb', 18993367),
    code_licence='no code of the authors in this port (Apache-2.0); Essentia is AGPL-3.0',
    weights_licence='CC BY-NC-SA 4.0',
    training_data='an in-house collection of music with metadata of Discogs (MTG-UPF); pairs of '
    'tracks of one artist',
    citation='Alonso-Jimenez, Serra and Bogdanov, "Music Representation Learning Based on '
    'Editorial Metadata From Discogs", ISMIR 2022; Tan and Le, "EfficientNet", ICML 2019.',
    homepage='https://essentia.upf.edu/models.html',
    gflop_per_second=0.21,
    presets=(
        Preset(
            name='mir_ref',
            what='mir_ref through Essentia: patches of 128 frames every 62, the rest dropped; it '
            'reads the embedding, and resamples otherwise (resampleQuality 1)',
            tail='drop',
        ),
    ),
    parity=Parity(
        error=3.3e-7,
        reference='TensorFlow 2.21.0 and torch 2.13.0 (a small EfficientNet; B0: see its README)',
        weights='seeded',
        command='pytest tests/parity/effnet_discogs_test.py -s',
    ),
    build='jaxprobe.encoders.effnet_discogs.build:build',
)

EFFNET_DISCOGS_STYLE = dataclasses.replace(
    EFFNET_DISCOGS,
    name='effnet_discogs_style',
    title='EffNet-Discogs, classifier of 400 styles (B0)',
    layers=_layers(400),
    weights=_weights('discogs-effnet-bs64-1.pb', 18366619),
    training_data='more than two million recordings of an in-house collection with metadata of '
    'Discogs (MTG-UPF), 400 styles',
    presets=(),
)
