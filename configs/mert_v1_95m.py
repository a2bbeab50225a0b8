r"""What does every layer of MERT-v1-95M know of genre? MARBLE's constrained protocol on GTZAN.

13 states and their learned weighted sum, six learning rates, five seeds, FBANK+Chroma beside it.
The z-score is taken over the whole clip, as MARBLE v1 does; --config.encoder.preset=marble_v2
takes it over each window, mert_paper cuts windows of 5 s. Needs the GTZAN audio below
--config.data_dir and m-a-p/MERT-v1-95M in the Hugging Face cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/mert_v1_95m.py --workdir=runs/mert_v1_95m
  python -m jaxprobe.launch --config=configs/mert_v1_95m.py:smoke --workdir=/tmp/mert_v1_95m
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mert_v1_95m')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
