"""The card of VGGish, and what its options change of it."""

import dataclasses

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

SAMPLE_RATE = 16000
FRAME, HOP, EXAMPLE = 400, 160, 96  # Samples, samples, frames.
SPAN = FRAME + HOP * (EXAMPLE - 1)  # 15 600 samples: all that an example's frames cover.
LEAD = FRAME // 2  # Of Essentia's frames, the first of which has its middle at the item's start.

AUDIOSET = 'https://storage.googleapis.com/audioset/vggish_model.ckpt'
TORCH = 'https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth'

VGGISH = Card(
    name='vggish',
    title='VGGish (AudioSet)',
    sample_rate=SAMPLE_RATE,
    layers=(
        Layer('pool1', 64),
        Layer('pool2', 128),
        Layer('pool3', 256),
        Layer('pool4', 512),
        Layer('fc1', 4096, frames=False),
        Layer('fc2', 4096, frames=False),
        Layer('embedding', 128, frames=False),
    ),
    mix=(),
    frame_rate=6.25,  # Of pool4; each pool below has twice as many frames.
    receptive_field=0.975,
    window_seconds=SPAN / SAMPLE_RATE,
    window_samples=SPAN,
    hop_samples=EXAMPLE * HOP,  # 0.96 s: the frames abut, their samples overlap by 240.
    fixed_window=True,
    min_samples=FRAME,
    short='repeat',
    weights=WeightsRef(
        kind='file',
        source=AUDIOSET,
        filename='vggish_model.ckpt',
        size=277_000_000,  # As its page gives it, "277 MB".
        how=f'wget {AUDIOSET} (a V1 checkpoint); the same weights are also {TORCH}',
    ),
    code_licence='Apache-2.0 (tensorflow/models and torchvggish); this port Apache-2.0',
    weights_licence='none of their own was found; published by Google beside Apache-2.0 code',
    training_data='a preliminary version of YouTube-8M: sound tracks with video-level labels',
    citation='Hershey et al., "CNN architectures for large-scale audio classification", ICASSP '
    '2017.',
    homepage='https://github.com/tensorflow/models/tree/master/research/audioset/vggish',
    gflop_per_second=1.80,
    options=(
        Option(
            'output',
            'pre_relu',
            ('pre_relu', 'post_relu'),
            'the embedding before the ReLU, as upstream since 2023, or after it, as torchvggish',
        ),
        Option(
            'frontend',
            'audioset',
            ('audioset', 'essentia'),
            "periodic Hann, frames from the start; or Essentia's symmetric Hann, first frame "
            'centred on the start, zeros before it',
        ),
    ),
    presets=(
        Preset(
            name='mir_ref',
            what="Essentia's front end and patches 93 frames apart (TensorflowPredictVGGish)",
            hop_seconds=0.93,
            tail='drop',
            options={'frontend': 'essentia'},
        ),
    ),
    parity=Parity(
        error=5.4e-5,  # Of the front end, in bands of silence; the network alone 1.3e-6.
        reference='torchvggish on torch',
        weights='seeded',
        command='pytest tests/parity/vggish_test.py -s',
    ),
    configure='jaxprobe.encoders.vggish.card:configure',
    build='jaxprobe.encoders.vggish.model:build',
)


def configure(card: Card, options: Options) -> Card:
    """The card with the window of its front end.

    Essentia's frame i is centred on sample 160 i of the item, so that the first begins 200
    samples before it; the same 15 600 samples are then a lead and a shorter window.
    """
    if options['frontend'] == 'audioset':
        return card
    window = SPAN - LEAD
    return dataclasses.replace(
        card,
        lead_samples=LEAD,
        lead_fill='zeros',
        window_samples=window,
        window_seconds=window / card.sample_rate,
    )
