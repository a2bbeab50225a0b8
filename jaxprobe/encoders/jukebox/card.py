"""What is known of Jukebox 5b as a feature extractor, without loading it.

Short items are repeated until they fill a window. jukemir refuses them and MARBLE v1 fills up with
zeros; the pooled vector is a mean over all tokens, so zeros would mix silence into it, and a
refusal would leave out whole data sets (notes, single words) that MARBLE v1 reports. The preset
'jukemir' refuses, as its source does, and `tokens` shortens the window for data sets of short
items.
"""

import dataclasses

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Options, Preset

SAMPLE_RATE = 44100
HOP = 128  # Samples per token: 2^3, then 2^2, then 2^2.
TOKENS = 8192  # The prior's context, 23.777 s.
BLOCK = 64  # Tokens; the prior's context is 128 such blocks.
CLIP_SAMPLES = 25 * SAMPLE_RATE  # What jukemir gives the VQ-VAE.
DEPTH, WIDTH = 36, 4800  # Of the prior's 72 layers, jukemir keeps the first half.
ADDRESS = 'https://openaipublic.azureedge.net/jukebox/models/5b/'

PRIOR = WeightsRef(
    kind='file',
    source=ADDRESS,
    filename='prior_level_2.pth.tar',
    size=10_300_000_000,  # About: 72 layers in half precision, tables in single.
    how=f'put vqvae.pth.tar and prior_level_2.pth.tar of {ADDRESS} into one folder and set '
    '--config.encoder.weights=FOLDER (or leave them in ~/.cache/jukebox/models/5b, where the '
    'jukebox package keeps them)',
)
VQVAE = dataclasses.replace(PRIOR, filename='vqvae.pth.tar', size=7_400_000)

_MEANS = 'what a layer gives: one mean over the window (jukemir), or one per block of 64 tokens'

JUKEBOX_5B = Card(
    name='jukebox_5b',
    title='Jukebox 5b, VQ-VAE and 36 layers of the top prior',
    sample_rate=SAMPLE_RATE,
    layers=(
        Layer('input', WIDTH, frames=False),
        *(Layer(f'layer{k}', WIDTH, frames=False) for k in range(1, DEPTH + 1)),
    ),
    mix=tuple(range(1, DEPTH + 1)),  # MARBLE v1's rule: without what enters the first layer.
    frame_rate=SAMPLE_RATE / HOP / TOKENS,  # One mean per window.
    receptive_field=0.0,
    window_seconds=TOKENS * HOP / SAMPLE_RATE,
    window_samples=TOKENS * HOP,
    fixed_window=True,  # Other windows are the options `tokens` and `context`.
    min_samples=HOP * BLOCK,
    short='repeat',
    normalise='peak',
    weights=PRIOR,
    code_licence='Noncommercial Use License (OpenAI); read, not copied: this port Apache-2.0',
    weights_licence='Noncommercial Use License (OpenAI): no commercial use',
    training_data='1.2 million songs crawled from the web, 600 000 of them in English',
    citation="""@article{dhariwal2020jukebox,
  title={Jukebox: A Generative Model for Music},
  author={Dhariwal, Prafulla and Jun, Heewoo and Payne, Christine and Kim, Jong Wook and
          Radford, Alec and Sutskever, Ilya},
  journal={arXiv:2005.00341},
  year={2020}
}
@inproceedings{castellon2021codified,
  title={Codified Audio Language Modeling Learns Useful Representations for Music Information
         Retrieval},
  author={Castellon, Rodrigo and Donahue, Chris and Liang, Percy},
  booktitle={ISMIR},
  year={2021}
}""",
    homepage='https://github.com/openai/jukebox',
    gflop_per_second=1715.0,  # `jukebox.architecture.gflop_per_second`.
    options=(
        Option('pool', 'clip', ('clip', 'block'), _MEANS),
        Option(
            'tokens',
            TOKENS,
            (8192, 4096, 2048, 1024),
            'tokens of a window, of 128 samples each: MARBLE v1 takes fewer for short items',
        ),
        Option(
            'context',
            'window',
            ('window', 'clip'),
            'what the VQ-VAE is given: the samples of the tokens, or 25 s of which the first '
            '8192 tokens go on (jukemir)',
        ),
        Option(
            'matmul',
            'dtype',
            ('dtype', 'float16'),
            "what the prior's matrix products run in: encoder.dtype, or float16 as the file stores",
        ),
    ),
    presets=(
        Preset(
            name='jukemir',
            what='the first 25 s, of which 8192 tokens; short items are an error '
            '(jukemir, representations/jukebox/main.py)',
            hop_seconds=86400.0,  # A day: one window per item.
            tail='drop',
            short='refuse',
            options={'context': 'clip'},
        ),
        Preset(
            name='marble_v1',
            what='windows of 30 s, each cut to its first 23.777 s '
            '(MARBLE-Benchmark, extract_jukemir_features.py; departures in the README)',
            hop_seconds=30.0,
            tail='drop',
        ),
    ),
    parity=Parity(
        1.7e-6,  # Of the prior; codes are equal, and before them 4.2e-6 of the largest magnitude.
        "OpenAI's code, torch",
        'seeded',
        'python -m pytest -n 0 -s tests/parity/jukebox_test.py',
    ),
    configure='jaxprobe.encoders.jukebox.card:configure',
    build='jaxprobe.encoders.jukebox.build:build',
)


def configure(card: Card, options: Options) -> Card:
    """The card under its options.

    Raises:
        ConfigError: the VQ-VAE's context is jukemir's and the window is not.
    """
    return windowed(card, options, TOKENS, BLOCK)


def windowed(card: Card, options: Options, context: int, block: int) -> Card:
    """The card under its options, for a prior of so many tokens in blocks of so many.

    Args:
        card: of the published window.
        options: complete.
        context: tokens that the prior has positions for; `tokens` counts in parts of 8192.
        block: tokens per block.

    Raises:
        ConfigError: as `configure`.
    """
    tokens = context * int(options['tokens']) // TOKENS
    samples = tokens * HOP
    if options['context'] == 'clip':
        if tokens != context:
            raise ConfigError(
                f"{card.name}: context=clip is jukemir's, which keeps all of {context} tokens; "
                f'with tokens={options["tokens"]} use context=window.'
            )
        samples = samples * CLIP_SAMPLES // (TOKENS * HOP)
    frames = options['pool'] == 'block'
    spacing = block if frames else tokens
    return dataclasses.replace(
        card,
        layers=tuple(dataclasses.replace(layer, frames=frames) for layer in card.layers),
        frame_rate=SAMPLE_RATE / HOP / spacing,
        window_samples=samples,
        window_seconds=samples / SAMPLE_RATE,
        min_samples=min(card.min_samples, samples),
    )
