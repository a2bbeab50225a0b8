"""What is known of MuQ and MusicFM without loading them.

Short items are repeated to fill a window: the port has no padding mask (attention and the
depthwise convolutions would leak across one anyway), and zero padding is not silence to these
models but a -100 dB spectrum they were hardly trained on. A repeat keeps the level and the
spectrum of the item.
"""

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Preset

_DEPTH, _WIDTH, _RATE, _WINDOW = 12, 1024, 24000, 30.0
_LAYERS = (Layer('stem', _WIDTH), *(Layer(f'block{k}', _WIDTH) for k in range(1, _DEPTH + 1)))
_MUSICFM_REVISION = '4513b38bc25ad1d227b1980819b9691ba97f4d87'
_MUSICFM_CITATION = """@inproceedings{won2024foundation,
  title={A Foundation Model for Music Informatics},
  author={Won, Minz and Hung, Yun-Ning and Le, Duc},
  booktitle={ICASSP},
  year={2024}
}"""


_PRESETS = (
    Preset(
        name='musicfm',
        what='windows of 30 s, the length of pre-training (MusicFM and MuQ papers)',
        window_seconds=30.0,
    ),
)


def _parity(error: float, fixture: str, name: str, statistics: str = '') -> Parity:
    folder = f'../shared/fixtures/{fixture}'
    return Parity(
        error,
        f"authors' classes{statistics}, torch float32",
        'random',
        f'jaxprobe check encoder {name} --weights={folder}/params.safetensors '
        f'--arch={folder}/config.json --reference={folder}/io.npz',
    )


def _card(
    name: str,
    title: str,
    *,
    weights: WeightsRef,
    weights_licence: str,
    code_licence: str,
    training_data: str,
    citation: str,
    homepage: str,
    parity: Parity,
) -> Card:
    return Card(
        name=name,
        title=title,
        sample_rate=_RATE,
        layers=_LAYERS,
        mix=tuple(range(1, _DEPTH + 1)),  # MARBLE v1: without what enters the first block.
        frame_rate=25.0,
        receptive_field=0.0,
        window_seconds=_WINDOW,
        window_samples=int(_WINDOW * _RATE),
        min_samples=1025,  # The mirrored edges of the spectrogram need one more than 1024.
        short='repeat',
        weights=weights,
        weights_licence=weights_licence,
        code_licence=code_licence,
        training_data=training_data,
        citation=citation,
        homepage=homepage,
        presets=_PRESETS,
        parity=parity,
        gflop_per_second=42.7,  # At 30 s; `muq.architecture.gflop_per_second`.
        build='jaxprobe.encoders.muq.build:build',
    )


MUQ = _card(
    'muq',
    'MuQ large (Million Song Dataset)',
    weights=WeightsRef(
        kind='hub',
        source='OpenMuQ/MuQ-large-msd-iter',
        filename='model.safetensors',
        size=1_333_800_000,  # About: 333 440 434 values and a header.
        how='hf download OpenMuQ/MuQ-large-msd-iter model.safetensors',
    ),
    weights_licence='CC-BY-NC-4.0',
    code_licence='MIT',
    training_data='Million Song Dataset (audio of the open release; see the paper)',
    citation="""@article{zhu2025muq,
  title={MuQ: Self-Supervised Music Representation Learning with Mel Residual Vector Quantization},
  author={Zhu, Haina and Zhou, Yizhi and Chen, Hangting and Yu, Jianwei and Ma, Ziyang and
          Gu, Rongzhi and Luo, Yi and Tan, Wei and Chen, Xie},
  journal={arXiv:2501.01108},
  year={2025}
}""",
    homepage='https://github.com/tencent-ailab/MuQ',
    parity=_parity(1.9e-6, 'muq_tiny_25hz', 'muq'),
)


def _musicfm(
    name: str, data: str, filename: str, size: int, sha256: str, statistics: str = ''
) -> Card:
    return _card(
        name,
        f'MusicFM ({data})',
        weights=WeightsRef(
            kind='hub',
            source='minzwon/MusicFM',
            filename=filename,
            size=size,
            sha256=sha256,
            how=f'hf download minzwon/MusicFM {filename} --revision {_MUSICFM_REVISION}',
        ),
        weights_licence='MIT',
        code_licence='MIT; modules/flash_conformer.py Apache-2.0',
        training_data=data,
        citation=_MUSICFM_CITATION,
        homepage='https://github.com/minzwon/musicfm',
        parity=_parity(2.6e-6, 'musicfm_tiny_msd', name, statistics),
    )


MUSICFM_MSD = _musicfm(
    'musicfm_msd',
    'Million Song Dataset',
    'pretrained_msd.pt',
    1_316_802_088,
    '218b483a0256ddef736267425fabb166fd97008983696bb9270def464b47bded',
)
MUSICFM_FMA = _musicfm(
    'musicfm_fma',
    'Free Music Archive',
    'pretrained_fma.pt',
    1_316_802_154,
    '68392eee13d34c2941b3761934abb6b1e67b2e9df498695bda2ea5c1087d4b96',
    statistics=' with the statistics of MSD, not of FMA',
)
