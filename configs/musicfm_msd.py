r"""What does every layer of MusicFM (Million Song Dataset) know of genre?

pretrained_msd.pt of minzwon/MusicFM, from the Hugging Face cache or --config.encoder.weights=FILE.
Both checkpoints side by side: configs/musicfm.py.

  python -m jaxprobe.launch --config=configs/musicfm_msd.py --workdir=runs/musicfm_msd
  python -m jaxprobe.launch --config=configs/musicfm_msd.py:smoke --workdir=/tmp/musicfm_msd
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicfm_msd')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
