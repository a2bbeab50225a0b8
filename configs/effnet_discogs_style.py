r"""What does every block of EffNet-Discogs' style classifier know of genre?

Its graph is brought by hand from essentia.upf.edu (CC BY-NC-SA 4.0). Beside the contrastive model:
configs/effnet_discogs.py.

  python -m jaxprobe.launch --config=configs/effnet_discogs_style.py --workdir=runs/effnet_style \
      --config.encoder.weights=FILE
  python -m jaxprobe.launch --config=configs/effnet_discogs_style.py:smoke --workdir=/tmp/style
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('effnet_discogs_style')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
