r"""What does every layer of MERT-v1-330M know of genre, and is it more than 95M's?

25 states; the last one after the final norm, as in transformers 4.x and in the published numbers
(--config.encoder.options='hidden_states=5.x' is the other). Its wave is not scaled, as in MARBLE v1
and in its pre-training; 95M's is. Needs the GTZAN audio below --config.data_dir and both models in
the Hugging Face cache, or --config.encoder.weights=DIR and
--config.beside.mert_v1_95m.weights=DIR.

  python -m jaxprobe.launch --config=configs/mert_v1_330m.py --workdir=runs/mert_v1_330m
  python -m jaxprobe.launch --config=configs/mert_v1_330m.py:smoke --workdir=/tmp/mert_v1_330m
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mert_v1_330m')
    c.beside.mert_v1_95m = config.encoder('mert_v1_95m')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
