r"""What does every pool of MusiCNN's VGG sibling (MSD tags) know of genre?

Its weights come from the `musicnn` wheel, fetched with pip when they are first needed. All four
small models of that wheel side by side: configs/musicnn.py.

  python -m jaxprobe.launch --config=configs/vgg_msd.py --workdir=runs/vgg_msd
  python -m jaxprobe.launch --config=configs/vgg_msd.py:smoke --workdir=/tmp/vgg_msd
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('vgg_msd')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
