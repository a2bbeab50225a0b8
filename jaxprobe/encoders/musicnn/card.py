"""Cards of the five models of the `musicnn` package."""

import dataclasses

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

WHEEL = WeightsRef(
    kind='wheel',
    source='musicnn==0.1.0',
    filename='musicnn-0.1.0-py3-none-any.whl',
    size=29292476,
    sha256='f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa',
    how='python -m pip download --no-deps musicnn==0.1.0',
)

WINDOW_SAMPLES = 187 * 256  # 187 frames of 16 ms.
LEAD_SAMPLES = 256  # Half of the first frame lies before the window.

FRONTEND = Option(
    'frontend',
    'librosa',
    ('librosa', 'essentia'),
    "the authors' log mel; or Essentia's: symmetric Hann, no half precision, zeros before the item",
)
PENULTIMATE = Option(
    'penultimate',
    'graph',
    ('graph', 'pre_relu'),
    'the dense layer as the tags read it; or before its ReLU and normalisation, as mir_ref',
)
POOLED = Option(
    'pooled',
    False,
    (False, True),
    'adds the layer `pooled` after the others: mean, then maximum over time of front and cnn1-3',
)
PATCHES = Preset(
    name='jukemir',
    what='mean and maximum pools of 3 s patches that abut, the rest dropped '
    '(representations/musicnn/main.py); their vector is the mean of layer `pooled`',
    tail='drop',
    options={'pooled': True},
)


def _measured(error: float, weights: str = 'published') -> Parity:
    return Parity(
        error=error,
        reference="the authors' code on TensorFlow 2.15",
        weights=weights,
        command='pytest tests/parity/musicnn_test.py -s',
    )


MSD = 'Million Song Dataset, about 200 000 tracks with 50 Last.fm tags'
MTT = 'MagnaTagATune, about 19 000 clips with 50 tags'


def _front_and_back(mid: int, dense: int) -> tuple[Layer, ...]:
    return (
        Layer('front', 561),
        Layer('cnn1', mid),
        Layer('cnn2', mid),
        Layer('cnn3', mid),
        Layer('penultimate', dense, frames=False),
        Layer('logits', 50, frames=False),
    )


MUSICNN_MSD = Card(
    name='musicnn_msd',
    title='MusiCNN (MSD)',
    sample_rate=16000,
    layers=_front_and_back(64, 200),
    mix=(),
    frame_rate=62.5,
    receptive_field=2.336,
    window_seconds=2.992,
    window_samples=WINDOW_SAMPLES,
    lead_samples=LEAD_SAMPLES,
    fixed_window=True,
    min_samples=512,
    short='repeat',
    weights=WHEEL,
    code_licence='ISC (original); this port Apache-2.0',
    weights_licence='ISC',
    training_data=MSD,
    citation='Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio '
    'tagging", ISMIR 2019 late-breaking demo; Pons et al., "End-to-end learning for music audio '
    'tagging at scale", ISMIR 2018.',
    homepage='https://github.com/jordipons/musicnn',
    gflop_per_second=0.94,
    options=(FRONTEND, PENULTIMATE, POOLED),
    presets=(
        Preset(
            name='mir_ref',
            what="Essentia's msd-musicnn-1, node model/dense/BiasAdd, patches 93 frames apart",
            hop_seconds=1.488,
            tail='drop',
            options={'frontend': 'essentia', 'penultimate': 'pre_relu'},
        ),
    ),
    parity=_measured(1.1e-5),
    configure='jaxprobe.encoders.musicnn.card:configure',
    port_version=2,  # 2: windows come with their lead, so that every frame is the reference's.
    build='jaxprobe.encoders.musicnn.model:build',
)

MUSICNN_MTT = dataclasses.replace(
    MUSICNN_MSD,
    name='musicnn_mtt',
    title='MusiCNN (MTT)',
    training_data=MTT,
    presets=(),
    parity=_measured(2.2e-5),
)

MUSICNN_MSD_BIG = dataclasses.replace(
    MUSICNN_MSD,
    name='musicnn_msd_big',
    title='MusiCNN big (MSD)',
    layers=_front_and_back(512, 500),
    weights=WeightsRef(
        kind='file',
        source='https://github.com/jordipons/musicnn/tree/master/musicnn/MSD_musicnn_big',
        filename='.data-00000-of-00001',
        size=95817164,
        how='It is in no package: copy the folder musicnn/MSD_musicnn_big of that repository (its '
        '.index and .data-00000-of-00001) and set --config.encoder.weights=FOLDER',
    ),
    gflop_per_second=1.61,
    presets=(
        PATCHES,
        dataclasses.replace(
            PATCHES,
            name='marble_v1',
            what='as jukemir; its own resampler (torchaudio) is not followed',
        ),
    ),
    parity=_measured(2.3e-6, weights='seeded'),
)

VGG_MSD = dataclasses.replace(
    MUSICNN_MSD,
    name='vgg_msd',
    title='VGG (MSD)',
    layers=tuple(Layer(f'pool{depth}', 128) for depth in range(1, 6)),
    mix=(0, 1, 2, 3, 4),
    frame_rate=0.67,
    receptive_field=2.992,
    gflop_per_second=0.59,
    options=(),
    presets=(),
    parity=_measured(1.6e-5),
    configure='',
)

VGG_MTT = dataclasses.replace(
    VGG_MSD,
    name='vgg_mtt',
    title='VGG (MTT)',
    training_data=MTT,
    parity=_measured(4.1e-5),
)


def configure(card: Card, options: Options) -> Card:
    """The card under its options: what is before an item's start, and the layer `pooled`.

    `pooled` stands behind the others, out of the order of depth, so that no index changes.
    """
    if options['frontend'] == 'essentia':
        card = dataclasses.replace(card, lead_fill='zeros')
    if options['pooled']:
        front, mid, *_ = card.layers
        pooled = Layer('pooled', 2 * (front.width + 3 * mid.width), frames=False)
        card = dataclasses.replace(card, layers=(*card.layers, pooled))
    return card
