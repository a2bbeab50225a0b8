r"""What does every layer of MERT-v0 know of genre?

16 kHz, trained on 1 000 hours that were not published. Needs the GTZAN audio below
--config.data_dir and m-a-p/MERT-v0 in the Hugging Face cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/mert_v0.py --workdir=runs/mert_v0
  python -m jaxprobe.launch --config=configs/mert_v0.py:smoke --workdir=/tmp/mert_v0
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mert_v0')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
