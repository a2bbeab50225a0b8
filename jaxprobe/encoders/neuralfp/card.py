"""Card of NeuralFP, an encoder without published weights."""

import dataclasses

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

REPOSITORY = 'https://github.com/mimbres/neural-audio-fp'
SEGMENT, HOP = 8000, 4000
WIDTHS = (128, 128, 256, 256, 512, 512, 1024, 1024)

NEURALFP = Card(
    name='neuralfp',
    title='NeuralFP (neural audio fingerprint)',
    sample_rate=8000,
    layers=(
        *(Layer(f'block{k}', width, frames=False) for k, width in enumerate(WIDTHS, start=1)),
        Layer('flat', 1024, frames=False),
        Layer('embedding', 128, frames=False),
    ),
    mix=(),
    frame_rate=1.0,  # One vector per window.
    receptive_field=1.0,
    window_seconds=1.0,
    window_samples=SEGMENT,
    hop_samples=HOP,
    fixed_window=True,
    min_samples=1024,
    short='repeat',
    zero_pad=True,  # mir_ref fills up its last segment; no frame is kept beside the zeros.
    weights=WeightsRef(
        kind='file',
        source=REPOSITORY,
        filename='ckpt-100.index',
        how='The authors publish no weights (their size is not known): train with their code, or '
        'ask who has. Give the prefix of a tf.train.Checkpoint, its .index with its .data file '
        'beside it: --config.encoder.weights=logs/checkpoint/NAME/ckpt-100',
    ),
    code_licence='MIT (original); this port Apache-2.0',
    weights_licence='none: no weights are published',
    training_data='that of whoever trained it; the paper: 10 000 thirty-second clips of FMA',
    citation='Chang, Lee, Park, Lim, Lee, Ko and Han, "Neural Audio Fingerprint for '
    'High-specific Audio Retrieval based on Contrastive Learning", ICASSP 2021.',
    homepage=REPOSITORY,
    gflop_per_second=1.22,
    options=(
        Option(
            'front_zeros',
            False,
            (False, True),
            "segments begin half a second of zeros before an item's start, as in mir_ref",
        ),
    ),
    presets=(
        Preset(
            name='mir_ref',
            what='mir_ref: 4000 zeros in front, zeros up to a multiple of 4000 behind, segments '
            'of one second every half, each normalised by its own maximum',
            tail='pad',
            short='pad',
            options={'front_zeros': True},
        ),
    ),
    parity=Parity(
        error=6.5e-5,
        reference="the authors' Keras code",
        weights='seeded',
        command='pytest tests/parity/neuralfp_test.py -s',
    ),
    configure='jaxprobe.encoders.neuralfp.card:configure',
    build='jaxprobe.encoders.neuralfp.model:build',
)


def configure(card: Card, options: Options) -> Card:
    """The card with the windows that `front_zeros` asks for.

    A segment is then half a second of new audio and the half second before it as its lead, which
    is zeros before an item's start: what `encode` is given is one second in both cases.
    """
    if not options['front_zeros']:
        return card
    return dataclasses.replace(
        card,
        window_samples=HOP,
        window_seconds=HOP / card.sample_rate,
        lead_samples=SEGMENT - HOP,
        lead_fill='zeros',
    )
