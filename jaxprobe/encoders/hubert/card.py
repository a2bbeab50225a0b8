"""What is known of HuBERT and MERT without loading them.

No zeros are ever put after the audio. With the group norm of all published ones the statistics
are taken over the whole clip, so that zeros change every frame; with the layer norm of HuBERT
large the convolutions would stand it, but not the positional convolution and the attention,
which the port runs without a mask. Short items are repeated instead.
"""

import dataclasses
from typing import Any

from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.hubert import architecture
from jaxprobe.encoders.hubert.architecture import BASE, LARGE, Architecture
from jaxprobe.encoders.options import Option, Options, Preset

HIDDEN_STATES = Option(
    'hidden_states',
    '4.x',
    ('4.x', '5.x'),
    'transformers whose last state is meant; of pre-norm models, 4.x has it after the last norm',
)
NORMALISE = {'item': 'zscore', 'window': 'none', 'none': 'none'}  # Option -> card's `normalise`.


@dataclasses.dataclass(frozen=True, kw_only=True)
class WaveCard(Card):
    """The card of a HuBERT-like checkpoint.

    Attributes:
        architecture: of the published checkpoint.
        model_types: what `model_type` its config.json may have.
        heads: tensors of a fine-tuned checkpoint that are not used, each with its reason.
    """

    architecture: Architecture
    model_types: tuple[str, ...]
    heads: tuple[tuple[str, str], ...] = ()


def normalise(default: str) -> Option:
    """The option that says where the z-score is taken, with a checkpoint's own default."""
    what = 'z-score of the whole item (MARBLE v1), of each window (its processor), or none'
    return Option('normalise', default, tuple(NORMALISE), what)


def wave_card(
    name: str,
    title: str,
    a: Architecture,
    *,
    weights: WeightsRef,
    sample_rate: int,
    window_seconds: float,
    zscore: str,
    options: tuple[Option, ...],
    presets: tuple[Preset, ...],
    **facts,
) -> WaveCard:
    """Makes the card of anything with strided convolutions under a transformer.

    Args:
        name: as in the registry.
        title: as in tables.
        a: the published architecture.
        weights: where they are published.
        sample_rate: Hz.
        window_seconds: default window.
        zscore: default of the option `normalise`; MARBLE v1's, so that its preset is the default.
        options: beside `normalise`.
        presets: beside MARBLE v1's.
        **facts: the other fields of `WaveCard`, as they are.
    """
    described: dict[str, Any] = {
        'code_licence': 'Apache-2.0 (transformers)',
        'homepage': f'https://huggingface.co/{weights.source}',
    }
    return WaveCard(
        name=name,
        title=title,
        architecture=a,
        sample_rate=sample_rate,
        layers=layers(a),
        mix=tuple(range(1, a.depth + 1)),  # MARBLE v1: without what enters the first block.
        frame_rate=sample_rate / architecture.hop(a),
        receptive_field=0.0,  # Attention: the whole window.
        window_seconds=window_seconds,
        window_samples=round(window_seconds * sample_rate),
        min_samples=architecture.field(a),
        short='repeat',
        normalise=NORMALISE[zscore],
        weights=weights,
        options=(normalise(zscore), *options),
        presets=(marble(zscore), *presets),
        gflop_per_second=round(architecture.gflop_per_second(a, sample_rate, window_seconds), 1),
        configure='jaxprobe.encoders.hubert.card:configure',
        **(described | facts),
    )


def layers(a: Architecture) -> tuple[Layer, ...]:
    """`input` (what enters the first block) and the output of every block."""
    names = ('input', *(f'block{k}' for k in range(1, a.depth + 1)))
    return tuple(Layer(name, a.width) for name in names)


def configure(found: WaveCard, options: Options) -> WaveCard:
    """The card under its options: who takes the z-score."""
    how = NORMALISE[str(options['normalise'])]
    return found if found.normalise == how else dataclasses.replace(found, normalise=how)


def hubert_card(
    name: str,
    title: str,
    a: Architecture,
    *,
    weights: WeightsRef,
    sample_rate: int = 16000,
    window_seconds: float = 5.0,
    zscore: str = 'item',
    model_types: tuple[str, ...] = ('hubert',),
    presets: tuple[Preset, ...] = (),
    **facts,
) -> WaveCard:
    """Makes the card of a HuBERT-like checkpoint; see `wave_card` for the arguments.

    `facts` are at least `weights_licence`, `training_data` and `citation`.
    """
    return wave_card(
        name,
        title,
        a,
        weights=weights,
        sample_rate=sample_rate,
        window_seconds=window_seconds,
        zscore=zscore,
        options=(HIDDEN_STATES,),
        presets=presets,
        model_types=model_types,
        build='jaxprobe.encoders.hubert.build:build',
        **facts,
    )


def marble(zscore: str) -> Preset:
    """The preset of MARBLE's first version.

    Args:
        zscore: where it takes the z-score, 'item' or 'none'.
    """
    return Preset(
        name='marble_v1',
        what='MARBLE-Benchmark: windows of the task; the z-score, where there is one, over '
        'the whole item before it is cut; the shorter tails it keeps follow the task here',
        options={'normalise': zscore},
    )


def hub(source: str, size: int) -> WeightsRef:
    """A torch file on the hub; `size` is about."""
    return WeightsRef(
        kind='hub',
        source=source,
        filename='pytorch_model.bin',
        size=size,
        how=f'hf download {source} pytorch_model.bin config.json preprocessor_config.json',
    )


def measured(error: float, family: str = 'hubert') -> Parity:
    """How near the fixtures of a family's parity test are met."""
    return Parity(
        error=error,
        reference='transformers 4.38.2 on torch',
        weights='random',
        command=f'pytest tests/parity/{family}_test.py -s',
    )


_BASE_BYTES, _LARGE_BYTES = 377_550_000, 1_261_850_000  # 4 bytes a value, and names.
_HUBERT = """@article{hsu2021hubert,
  title={{HuBERT}: Self-Supervised Speech Representation Learning by Masked Prediction of Hidden
         Units},
  author={Hsu, Wei-Ning and Bolte, Benjamin and Tsai, Yao-Hung Hubert and Lakhotia, Kushal and
          Salakhutdinov, Ruslan and Mohamed, Abdelrahman},
  journal={IEEE/ACM Transactions on Audio, Speech, and Language Processing},
  year={2021}
}"""
_MERT = """@inproceedings{li2024mert,
  title={{MERT}: Acoustic Music Understanding Model with Large-Scale Self-supervised Training},
  author={Li, Yizhi and Yuan, Ruibin and Zhang, Ge and Ma, Yinghao and Chen, Xingran and
          Yin, Hanzhi and Xiao, Chenghao and Lin, Chenghua and Ragni, Anton and
          Benetos, Emmanouil and others},
  booktitle={ICLR},
  year={2024}
}"""
# Its encoders are MERT-v1-95M and 330M alone (spec/encoders_ssl.md, MARBLE v2).
_MARBLE_V2 = Preset(
    name='marble_v2',
    what='MARBLE v2: each clip z-scored by itself. Its clips are 30 s (MTT, MTG, GS), 30.2 s '
    '(GTZAN), 15 s (EMO, chords) or 10 s (beats): their length is left to the task, or '
    'window_seconds. Where v2 fills a last clip with zeros, which would change every frame, the '
    'last clip overlaps the one before',
    tail='overlap',
    options={'normalise': 'window'},
)
_PAPER = Preset(
    name='mert_paper',
    what='MERT (arXiv:2306.00107): windows of 5 s, as in its pre-training',
    window_seconds=5.0,
)


HUBERT_BASE = hubert_card(
    'hubert_base',
    'HuBERT base (LibriSpeech)',
    BASE,
    weights=hub('facebook/hubert-base-ls960', _BASE_BYTES),
    weights_licence='Apache-2.0',
    training_data='LibriSpeech, 960 hours of read English',
    citation=_HUBERT,
    parity=measured(6.1e-6),
)
MUSICHUBERT = hubert_card(
    'musichubert',
    'MusicHuBERT (MARBLE)',
    BASE,
    model_types=('hubert', 'music_hubert', 'mert_model'),
    weights=WeightsRef(
        kind='file',
        source='https://github.com/a43992899/MARBLE-Benchmark',
        filename='pytorch_model.bin',
        size=_BASE_BYTES,
        how='its authors published no weights; give your own Hugging Face folder of a '
        'MusicHuBERT (config.json and pytorch_model.bin or model.safetensors)',
    ),
    code_licence='MIT (MARBLE-Benchmark)',
    weights_licence='none: not published',
    training_data='music; MARBLE keeps its checkpoints in private folders (out/hubert_music_ckpt)',
    citation=_MERT,
    homepage='https://github.com/a43992899/MARBLE-Benchmark',
    parity=measured(6.1e-6),
)


def _mert(
    name: str,
    version: str,
    a: Architecture,
    *,
    size: int = _BASE_BYTES,
    marble_v1: str = 'item',
    presets: tuple[Preset, ...] = (),
    **facts,
) -> WaveCard:
    return hubert_card(
        name,
        version,
        a,
        zscore=marble_v1,
        weights=hub(f'm-a-p/{version}', size),
        presets=(*presets, _PAPER),
        code_licence='Apache-2.0',
        citation=_MERT,
        **facts,
    )


# The first files say model_type hubert: they were saved from transformers' own class.
_V0_TYPES = ('mert_model', 'hubert')
MERT_V0 = _mert(
    'mert_v0',
    'MERT-v0',
    BASE,
    model_types=_V0_TYPES,
    weights_licence='CC-BY-NC-4.0 (of its sisters; its own card was not read)',
    training_data='1 000 hours of music, not published',
    parity=measured(6.1e-6),
)
MERT_V0_PUBLIC = _mert(
    'mert_v0_public',
    'MERT-v0-public',
    BASE,
    model_types=_V0_TYPES,
    weights_licence='CC-BY-NC-4.0',
    training_data='900 hours of Music4All',
    parity=measured(6.1e-6),
)
MERT_V1_95M = _mert(
    'mert_v1_95m',
    'MERT-v1-95M',
    BASE,
    sample_rate=24000,
    presets=(_MARBLE_V2,),
    model_types=('mert_model',),
    weights_licence='CC-BY-NC-4.0',
    training_data='20 000 hours of music, not published',
    parity=measured(5.8e-6),
)
MERT_V1_330M = _mert(
    'mert_v1_330m',
    'MERT-v1-330M',
    LARGE,
    sample_rate=24000,
    size=_LARGE_BYTES,
    presets=(_MARBLE_V2,),
    marble_v1='none',  # As in its pre-training; MARBLE v2 takes the z-score.
    model_types=('mert_model',),
    weights_licence='CC-BY-NC-4.0',
    training_data='160 000 hours of music, not published',
    parity=measured(9.8e-6),
)
CARDS = (HUBERT_BASE, MUSICHUBERT, MERT_V0, MERT_V0_PUBLIC, MERT_V1_95M, MERT_V1_330M)
