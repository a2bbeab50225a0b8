"""The card of CLMR, and what its options change of it."""

import dataclasses

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

SAMPLE_RATE = 22050
FRAME = 3**10  # 59 049 samples, which ten thirds bring down to one frame.
PEERS_FRAME = 59409  # A slip of the keys in jukemir, which MARBLE took over with the code.
WIDTHS = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)

RELEASES = 'https://github.com/Spijkervet/CLMR/releases'
PUBLISHED = 'clmr_magnatagatune_mlp.zip'

CLMR = Card(
    name='clmr',
    title='CLMR (SampleCNN, MagnaTagATune)',
    sample_rate=SAMPLE_RATE,
    # The last two have one frame per window: the window has been divided by three ten times.
    layers=tuple(Layer(f'conv{i}', width, frames=i < 9) for i, width in enumerate(WIDTHS)),
    mix=(),
    frame_rate=1.12,  # Of conv8: three frames per window. Each layer below has three times more.
    receptive_field=FRAME / SAMPLE_RATE,
    window_seconds=FRAME / SAMPLE_RATE,
    window_samples=FRAME,
    fixed_window=True,
    min_samples=SAMPLE_RATE // 10,
    short='repeat',
    zero_pad=True,  # mir_ref fills up tails; no statistic runs over time.
    weights=WeightsRef(
        kind='file',
        source=f'{RELEASES}/tag/2.1',
        filename=PUBLISHED,
        how=f'wget {RELEASES}/download/2.1/{PUBLISHED} (its size is not known here).\n'
        f'The zip is read as it is, and so is the .ckpt in it; mir_ref used release 2.0, '
        f'{RELEASES}/download/2.0/clmr_checkpoint_10000.zip',
    ),
    code_licence='Apache-2.0 (LICENSE; setup.py says MIT); this port Apache-2.0',
    weights_licence='none of their own; released with the Apache-2.0 repository',
    training_data='MagnaTagATune, about 19 000 clips, without their tags',
    citation='Spijkervet and Burgoyne, "Contrastive Learning of Musical Representations", ISMIR '
    '2021; the network is SampleCNN (Lee et al., SMC 2017).',
    homepage='https://github.com/Spijkervet/CLMR',
    gflop_per_second=1.29,
    options=(
        Option(
            'frame_length',
            FRAME,
            (FRAME, PEERS_FRAME),
            'samples per window: the 59049 of training, or the 59409 of jukemir and MARBLE',
        ),
    ),
    presets=(
        Preset(
            name='jukemir',
            what='59 409 samples, the last frame dropped, clips under one frame refused '
            '(representations/clmr/main.py)',
            tail='drop',
            short='refuse',
            options={'frame_length': PEERS_FRAME},
        ),
        Preset(
            name='marble_v1',
            what='as jukemir, within chunks of 30 s; the same windows for clips of up to 30 s',
            tail='drop',
            options={'frame_length': PEERS_FRAME},
        ),
        Preset(
            name='mir_ref',
            what='59 049 samples, the tail filled up with zeros; weights of release 2.0',
            tail='pad',
            short='pad',
        ),
    ),
    parity=Parity(
        error=3.9e-6,
        reference="the authors' code on torch",
        weights='seeded',
        command='pytest tests/parity/clmr_test.py -s',
    ),
    configure='jaxprobe.encoders.clmr.card:configure',
    build='jaxprobe.encoders.clmr.model:build',
)


def configure(card: Card, options: Options) -> Card:
    """The card with the window that `frame_length` asks for."""
    samples = int(options['frame_length'])
    return dataclasses.replace(
        card, window_samples=samples, window_seconds=samples / card.sample_rate
    )
