"""What the fault campaign runs: every stage and every kind of record, in seconds.

:clips has two encoders, a task of clips and one variant of every kind; :frames has a task of frames
and one of stems; :tiny has one encoder, one task and nothing else. All audio is synthetic.
"""

from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError

MODES = ('clips', 'frames', 'tiny')


def get_config(mode: str = 'clips') -> config.Settings:
    """The config of a mode."""
    if mode not in MODES:
        raise ConfigError(f'config mode {mode!r} is unknown: {", ".join(MODES)}.')
    c = config.base()
    c.encoder = config.encoder('fbank_chroma')
    if mode == 'clips':
        c.beside.second = config.encoder('fbank_chroma', layers='fbank')
        c.tasks = {'synth_instrument': {'items': (16, 8, 8)}}
        c.study.shuffled, c.study.closed_form, c.study.projection = True, True, True
        c.study.deform, c.study.similarity = 'noise:0', 'layers'
    elif mode == 'frames':
        c.encoder.layers = c.encoder.sources = 'fbank'
        c.tasks = {
            'synth_beats': {'items': (4, 2, 2)},
            'synth_separation': {'items': (2, 1, 1), 'hidden': 8},
        }
    else:
        c.encoder.layers = c.encoder.sources = 'fbank'
        c.tasks = {'synth_instrument': {'items': (8, 4, 4)}}
    c.extract.shard_minutes = 0.4
    c.extract.threads = 2
    c.probe.epochs, c.probe.seeds = 3, 2
    c.probe.learning_rates = (5e-3,)
    c.probe.checkpoint_minutes = 1e-4  # After most epochs.
    c.analyse.resamples = 20
    return c
