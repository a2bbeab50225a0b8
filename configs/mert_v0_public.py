r"""What does MERT learn from public music alone: every layer of MERT-v0-public on genre?

16 kHz, trained on Music4All. Needs the GTZAN audio below --config.data_dir and
m-a-p/MERT-v0-public in the Hugging Face cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/mert_v0_public.py --workdir=runs/mert_v0_public
  python -m jaxprobe.launch --config=configs/mert_v0_public.py:smoke --workdir=/tmp/mert_v0_public
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mert_v0_public')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
