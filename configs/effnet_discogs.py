r"""Do artist-contrastive features of EffNet-Discogs know genre better than a style classifier's?

Two models of one network under one name in the papers: mir_ref's effnet-discogs is the contrastive
one. Their graphs are brought by hand from essentia.upf.edu (CC BY-NC-SA 4.0); the error of a first
run says which files and where.

  python -m jaxprobe.launch --config=configs/effnet_discogs.py --workdir=runs/effnet \
      --config.encoder.weights=DIR --config.beside.effnet_discogs_style.weights=DIR
  python -m jaxprobe.launch --config=configs/effnet_discogs.py:smoke --workdir=/tmp/effnet
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('effnet_discogs')
    for name in ('effnet_discogs_style', 'fbank_chroma'):
        c.beside[name] = config.encoder(name)
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
