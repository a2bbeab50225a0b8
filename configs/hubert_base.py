r"""What does every layer of a speech model, HuBERT base, know of genre?

13 states and their learned weighted sum, six learning rates, five seeds: the control that says how
much of MERT's score is music and how much its graph, which is the same. FBANK+Chroma beside it.
Needs the GTZAN audio below --config.data_dir and facebook/hubert-base-ls960 in the Hugging Face
cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/hubert_base.py --workdir=runs/hubert_base
  python -m jaxprobe.launch --config=configs/hubert_base.py:smoke --workdir=/tmp/hubert_base
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('hubert_base')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
