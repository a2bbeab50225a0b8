"""What is known of data2vec-audio and music2vec without loading them.

No zeros are ever put after the audio: five stacked convolutions with a norm over zero frames
carry them 45 frames back, mask or not. Short items are repeated instead.
"""

from jaxprobe.encoders.data2vec.architecture import BASE
from jaxprobe.encoders.hubert.card import WaveCard, hub, measured, wave_card

_BYTES = 372_720_000  # About: 4 bytes a value, and names.
_DATA2VEC = """@inproceedings{baevski2022data2vec,
  title={data2vec: A General Framework for Self-supervised Learning in Speech, Vision and Language},
  author={Baevski, Alexei and Hsu, Wei-Ning and Xu, Qiantong and Babu, Arun and Gu, Jiatao and
          Auli, Michael},
  booktitle={ICML},
  year={2022}
}"""
_MUSIC2VEC = """@article{li2022map,
  title={{MAP-Music2Vec}: A Simple and Effective Baseline for Self-Supervised Music Audio
         Representation Learning},
  author={Li, Yizhi and Yuan, Ruibin and Zhang, Ge and Ma, Yinghao and Lin, Chenghua and
          Chen, Xingran and Ragni, Anton and Yin, Hanzhi and Hu, Zhijie and He, Haoyu and others},
  journal={arXiv:2212.02508},
  year={2022}
}"""
_CTC = 'the head of the fine-tuning for speech recognition (CTC)'


def _card(
    name: str,
    title: str,
    source: str,
    *,
    window_seconds: float = 5.0,
    **facts,
) -> WaveCard:
    return wave_card(
        name,
        title,
        BASE,
        weights=hub(source, _BYTES),
        sample_rate=16000,
        window_seconds=window_seconds,
        zscore='item',
        options=(),
        presets=(),
        model_types=('data2vec-audio',),
        parity=measured(7.2e-6, 'data2vec'),
        build='jaxprobe.encoders.data2vec.build:build',
        **facts,
    )


DATA2VEC_AUDIO_BASE = _card(
    'data2vec_audio_base',
    'data2vec-audio base (LibriSpeech, self-supervised)',
    'facebook/data2vec-audio-base',
    weights_licence='Apache-2.0',
    training_data='LibriSpeech, 960 hours of read English',
    citation=_DATA2VEC,
)
DATA2VEC_AUDIO_BASE_960H = _card(
    'data2vec_audio_base_960h',
    'data2vec-audio base 960h (fine-tuned for speech recognition; what MARBLE v1 loads)',
    'facebook/data2vec-audio-base-960h',
    weights_licence='Apache-2.0',
    training_data='LibriSpeech, 960 hours of read English, with transcripts',
    citation=_DATA2VEC,
    heads=(('lm_head.weight', _CTC), ('lm_head.bias', _CTC)),
)
MUSIC2VEC = _card(
    'music2vec',
    'music2vec-v1',
    'm-a-p/music2vec-v1',
    window_seconds=30.0,  # As in its pre-training.
    weights_licence='CC-BY-NC-4.0',
    training_data='1 000 hours of music, not published',
    citation=_MUSIC2VEC,
)
CARDS = (DATA2VEC_AUDIO_BASE, DATA2VEC_AUDIO_BASE_960H, MUSIC2VEC)
