r"""What does every layer of MuQ know of genre? MARBLE's constrained protocol on GTZAN.

13 states and their learned weighted sum, six learning rates, five seeds, FBANK+Chroma beside it.
Needs the GTZAN audio below --config.data_dir (`jaxprobe prepare gtzan_genre` says what and
where) and OpenMuQ/MuQ-large-msd-iter in the Hugging Face cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/muq.py --workdir=runs/muq
  python -m jaxprobe.launch --config=configs/muq.py:smoke --workdir=/tmp/muq

:smoke runs the same path with a tiny random conformer on synthetic audio: it proves the
installation, not the model.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('muq')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
