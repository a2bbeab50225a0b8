"""What is known of MULE without loading it."""

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Preset

RATE = 16000
# 7800 samples that no slice looks at, then 300 frames: see `frontend`, which jax comes with.
WINDOW = 56040
STEP = 200 * 160

_SLOW = ((1, 256, 1), (2, 512, 2), (3, 1536, 6), (4, 1536, 3))  # Stage, width, blocks.
_FAST = (32, 64, 192, 192)


def _layers() -> tuple[Layer, ...]:
    layers = [Layer('stem', 256, frames=False)]
    for stage, width, depth in _SLOW:
        layers += [Layer(f'slow{stage}_{b + 1}', width, frames=False) for b in range(depth)]
        layers.append(Layer(f'fast{stage}', _FAST[stage - 1], frames=False))
    return (*layers, Layer('embedding', 1728, frames=False))


MULE = Card(
    name='mule',
    title='MULE (SF-NFNet-F0)',
    sample_rate=RATE,
    layers=_layers(),
    mix=(),  # Widths differ.
    frame_rate=0.5,  # One vector per window.
    receptive_field=3.015,
    window_seconds=WINDOW / RATE,
    window_samples=WINDOW,
    hop_samples=STEP,
    fixed_window=True,
    min_samples=400,  # One frame of the spectrogram.
    short='repeat',
    weights=WeightsRef(
        kind='file',
        source='https://github.com/PandoraMedia/music-audio-representations',
        filename='*.keras',
        size=251_054_764,
        how='clone the repository with git-lfs and take the .keras file (251 054 764 bytes, sha256 '
        '1da111d6...d18180), or at tag v1.1.0 the SavedModel folder with its variables '
        '(249 742 541 bytes, sha256 acd58171...); both are read',
    ),
    code_licence='GPL-3.0 (original, not read); this port Apache-2.0, from a written description',
    weights_licence='CC-BY-NC-4.0',
    training_data='MusicSet: 1.8 million tracks of Pandora (117 000 hours)',
    citation='McCallum, Korzeniowski, Oramas, Gouyon and Ehmann, "Supervised and Unsupervised '
    'Learning of Audio Representations for Music Understanding", ISMIR 2022.',
    homepage='https://github.com/PandoraMedia/music-audio-representations',
    gflop_per_second=3.6,  # 7.2 per window, the weight standardisation not counted: it is folded.
    options=(
        Option(
            'level',
            'mono_x1',
            ('mono_x1', 'official'),
            'mono_x1: the mean of the channels as it is (MARBLE); official: half of it, which is '
            "what the authors' reader makes of a mono file",
        ),
    ),
    presets=(
        Preset(
            name='marble_v1',
            what="MARBLE v1: the mean of the channels at full level, the authors' slices, the last "
            'one at the end of the item (spec/encoders_cnn.md 9, 12)',
            tail='overlap',
            options={'level': 'mono_x1'},
        ),
        Preset(
            name='mule',
            what="the authors' own reader with a mono file: half level "
            '(spec/encoders_cnn.md 9; their resampler is librosa kaiser_best, ours is not)',
            tail='overlap',
            options={'level': 'official'},
        ),
    ),
    parity=Parity(
        error=1.4e-6,
        reference="the authors' Keras code",
        weights='seeded',
        command='pytest tests/parity/mule_test.py -s',
    ),
    build='jaxprobe.encoders.mule.build:build',
)
