r"""What do the layers of MusiCNN and its VGG sibling know of genre, and does the corpus matter?

Four published checkpoints (two networks, trained on MSD or MagnaTagATune tags), fetched with
pip from the `musicnn` wheel; nothing else to download but GTZAN itself.

  python -m jaxprobe.launch --config=configs/musicnn.py --workdir=runs/musicnn
  python -m jaxprobe.launch --config=configs/musicnn.py:smoke --workdir=/tmp/musicnn
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicnn_msd')
    for name in ('musicnn_mtt', 'vgg_msd', 'vgg_mtt', 'fbank_chroma'):
        c.beside[name] = config.encoder(name)
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
