"""What is known of the random control without building it."""

from jaxprobe.encoders.base import Card, Layer, WeightsRef

_DEPTH, _WIDTH, _RATE, _WINDOW = 6, 64, 16000, 3.0

CARD = Card(
    name='toy_conformer',
    title='Untrained conformer (random control)',
    sample_rate=_RATE,
    layers=(Layer('stem', _WIDTH), *(Layer(f'block{k}', _WIDTH) for k in range(1, _DEPTH + 1))),
    mix=tuple(range(1, _DEPTH + 1)),
    frame_rate=25.0,
    receptive_field=0.0,
    window_seconds=_WINDOW,
    window_samples=int(_WINDOW * _RATE),
    min_samples=513,  # The mirrored edges of the spectrogram need one more than 512.
    short='repeat',  # Nothing was trained on silence, nor on anything else.
    weights=WeightsRef(kind='none', source='drawn from the seed'),
    code_licence='Apache-2.0',
    weights_licence='none: random weights',
    training_data='none: random weights',
    citation='',
    homepage='',
    gflop_per_second=0.055,  # Spectrogram 12, stem 15, conformer 28 MFLOP.
    build='jaxprobe.encoders.toy_conformer.build:build',
    status='control: its weights are always random; never a result of a model',
)
