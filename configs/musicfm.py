r"""What does every layer of MusicFM know of genre? MARBLE's constrained protocol on GTZAN.

Both published checkpoints: pre-trained on the Million Song Dataset and on FMA. The .pt files
are found in the Hugging Face cache (minzwon/MusicFM), or given by --config.encoder.weights=FILE
and --config.beside.musicfm_fma.weights=FILE.

  python -m jaxprobe.launch --config=configs/musicfm.py --workdir=runs/musicfm
  python -m jaxprobe.launch --config=configs/musicfm.py:smoke --workdir=/tmp/musicfm
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicfm_msd')
    c.beside.musicfm_fma = config.encoder('musicfm_fma')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
