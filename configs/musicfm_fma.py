r"""What does every layer of MusicFM (Free Music Archive) know of genre?

pretrained_fma.pt of minzwon/MusicFM, from the Hugging Face cache or --config.encoder.weights=FILE.
Both checkpoints side by side: configs/musicfm.py.

  python -m jaxprobe.launch --config=configs/musicfm_fma.py --workdir=runs/musicfm_fma
  python -m jaxprobe.launch --config=configs/musicfm_fma.py:smoke --workdir=/tmp/musicfm_fma
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicfm_fma')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
