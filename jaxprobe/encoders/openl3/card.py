"""What is known of OpenL3 (music, 256 mel bands) without loading it."""

import dataclasses

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

RATE = 48000
GFLOP_PER_WINDOW = 20.4
HALF = RATE // 2

OPENL3 = Card(
    name='openl3',
    title='OpenL3 (music, mel256)',
    sample_rate=RATE,
    layers=(
        Layer('pool1', 64, frames=False),
        Layer('pool2', 128, frames=False),
        Layer('pool3', 256, frames=False),
        Layer('block4a', 512, frames=False),
        Layer('final', 512, frames=False),
        Layer('emb512', 512, frames=False),
        Layer('emb6144', 6144, frames=False),
    ),
    mix=(),  # Widths differ.
    frame_rate=10.0,  # One vector per window, at the reference's hop.
    receptive_field=1.0,
    # One second around every point of a grid that starts at the item's first sample: half of it
    # lies before the point, and before the item there are zeros.
    window_seconds=0.5,
    window_samples=HALF,
    lead_samples=HALF,
    lead_fill='zeros',
    hop_samples=RATE // 10,
    fixed_window=True,
    min_samples=2048,  # One frame of the spectrogram.
    short='repeat',
    zero_pad=True,
    weights=WeightsRef(
        kind='file',
        source='https://github.com/marl/openl3/tree/models',
        filename='openl3_audio_mel256_music-v0_4_0.h5.gz',
        size=18_800_000,  # About: 4 689 860 values of 4 bytes before gzip.
        how='download openl3_audio_mel256_music-v0_4_0.h5.gz from the branch `models` of '
        'github.com/marl/openl3; gzipped or not',
    ),
    code_licence='MIT (original); this port Apache-2.0',
    weights_licence='CC-BY-4.0',
    training_data='AudioSet, its music subset: about 296 000 videos with sound and image',
    citation='Cramer, Wu, Salamon and Bello, "Look, Listen and Learn More: Design Choices for Deep '
    'Audio Embeddings", ICASSP 2019.',
    homepage='https://github.com/marl/openl3',
    gflop_per_second=GFLOP_PER_WINDOW * 10,
    options=(
        Option(
            'hop',
            0.1,
            what='seconds between windows, at most 1.0; the cost follows: 204 GFLOP per second of '
            'audio at 0.1, 41 at 0.5, 20 at 1.0',
        ),
        Option(
            'frontend',
            'kapre',
            ('kapre', 'librosa'),
            'which of the two spectrograms of the reference; they are not interchangeable',
        ),
        Option(
            'center',
            True,
            (True, False),
            'windows are centred on their times, with zeros before the item; else they start there',
        ),
    ),
    presets=(
        Preset(
            name='openl3',
            what='get_audio_embedding of the openl3 package with its defaults: hop 0.1 s, centred, '
            'zeros after the item (openl3/core.py; spec/encoders_cnn.md 6)',
            tail='pad',
            short='pad',
        ),
        Preset(
            name='mir_ref',
            what="mir_ref's hop of 1 s, not centred; read emb512. Its model is mel128, so numbers "
            'are near and not equal (spec/encoders_cnn.md 6, 12)',
            options={'hop': 1.0, 'center': False},
        ),
    ),
    parity=Parity(
        error=2.7e-6,
        reference="the authors' Keras code",
        weights='seeded',
        command='pytest tests/parity/openl3_test.py -s',
    ),
    configure='jaxprobe.encoders.openl3.card:configure',
    build='jaxprobe.encoders.openl3.build:build',
)


def configure(card: Card, options: Options) -> Card:
    """Moves the windows of the card as the options say.

    Raises:
        ConfigError: a hop that is no number, shorter than a sample, or longer than the second
            that a window hears, which would leave audio out unheard.
    """
    seconds = float(options['hop'])
    if not 1 / RATE <= seconds <= 1:  # Nor is a nan between them.
        raise ConfigError(
            f'openl3: option hop={seconds} is in seconds and must be at least one sample of '
            f'{RATE} Hz and at most 1.0, the length of a window: above it audio between windows '
            f'would never be heard. The reference has 0.1, cheaper settings are 0.5 or 1.0.'
        )
    hop = int(seconds * RATE)  # Truncated, as in the reference.
    card = dataclasses.replace(
        card,
        hop_samples=hop,
        frame_rate=RATE / hop,
        gflop_per_second=GFLOP_PER_WINDOW * RATE / hop,
    )
    if options['center']:
        return card
    return dataclasses.replace(
        card, window_seconds=1.0, window_samples=RATE, lead_samples=0, lead_fill='reflect'
    )
