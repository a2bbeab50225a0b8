r"""What does every block of MULE know of genre?

A SlowFast NFNet trained by contrast on 1.8 million tracks: twelve slow blocks, four fast stages,
the published embedding of 1728. The preset cuts the authors' slices, as MARBLE v1 does.

Weights are in the authors' repository under git-lfs: bring the .keras file, or the SavedModel
folder of v1.1.0 (`jaxprobe ls encoders mule` says more), as --config.encoder.weights=PATH. They
are CC-BY-NC-4.0.

  python -m jaxprobe.launch --config=configs/mule.py --workdir=runs/mule \
      --config.encoder.weights=PATH
  python -m jaxprobe.launch --config=configs/mule.py:smoke --workdir=/tmp/mule

:smoke runs a tiny random model on synthetic audio and drops the preset.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mule', preset='marble_v1')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
