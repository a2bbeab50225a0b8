r"""What does every layer of music2vec know of genre?

13 states and their learned weighted sum, six learning rates, five seeds, FBANK+Chroma beside it.
Needs the GTZAN audio below --config.data_dir and m-a-p/music2vec-v1 in the Hugging Face cache or
--config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/music2vec.py --workdir=runs/music2vec
  python -m jaxprobe.launch --config=configs/music2vec.py:smoke --workdir=/tmp/music2vec
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('music2vec')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
