r"""What does every layer of a HuBERT trained on music know of genre?

MARBLE's MusicHuBERT was never published: give the Hugging Face folder of your own with
--config.encoder.weights=DIR (and --config.encoder.arch=DIR where it is no base model). HuBERT base
beside it shows what the music added. Needs the GTZAN audio below --config.data_dir.

  python -m jaxprobe.launch --config=configs/musichubert.py --workdir=runs/musichubert
  python -m jaxprobe.launch --config=configs/musichubert.py:smoke --workdir=/tmp/musichubert
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musichubert')
    c.beside.hubert_base = config.encoder('hubert_base')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
