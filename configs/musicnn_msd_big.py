r"""What does every layer of the large MusiCNN, the one jukemir and MARBLE probe, know of genre?

Its checkpoint is in no package: bring the folder MSD_musicnn_big of the authors' repository.
--config.encoder.preset=marble_v1 adds the pooled vector that peers read.

  python -m jaxprobe.launch --config=configs/musicnn_msd_big.py --workdir=runs/musicnn_msd_big \
      --config.encoder.weights=DIR
  python -m jaxprobe.launch --config=configs/musicnn_msd_big.py:smoke --workdir=/tmp/musicnn_msd_big
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicnn_msd_big')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
