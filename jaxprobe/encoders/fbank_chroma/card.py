"""Card of the FBANK + Chroma baseline."""

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef

CARD = Card(
    name='fbank_chroma',
    title='FBANK(80) + Chroma(12)',
    sample_rate=16000,
    layers=(Layer('fbank', 80), Layer('chroma', 12), Layer('concat', 92)),
    mix=(),
    frame_rate=100.0,
    receptive_field=0.256,
    window_seconds=5.0,
    window_samples=80000,
    min_samples=400,
    short='repeat',
    weights=WeightsRef(kind='none', how='Signal processing only; there is nothing to fetch.'),
    code_licence='Apache-2.0',
    weights_licence='none',
    training_data='none',
    citation='Kaldi (Povey et al., ASRU 2011) for FBANK; Ellis, "Chroma feature analysis and '
    'synthesis", 2007, as librosa has it, for Chroma.',
    homepage='https://kaldi-asr.org/doc/feat.html',
    gflop_per_second=0.03,
    parity=Parity(
        5e-5,
        'kaldi (torchaudio) and librosa',
        'none',
        'pytest tests/parity/fbank_chroma_test.py -s',
    ),
    build='jaxprobe.encoders.fbank_chroma.model:build',
)
