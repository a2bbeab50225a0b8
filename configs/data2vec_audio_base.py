r"""What does every layer of data2vec-audio, trained on speech, know of genre?

The self-supervised checkpoint, not the fine-tuned one that MARBLE calls by this name:
configs/data2vec_audio_base_960h.py has that. Needs the GTZAN audio below --config.data_dir and
facebook/data2vec-audio-base in the Hugging Face cache or --config.encoder.weights=DIR.

  python -m jaxprobe.launch --config=configs/data2vec_audio_base.py --workdir=runs/data2vec
  python -m jaxprobe.launch --config=configs/data2vec_audio_base.py:smoke --workdir=/tmp/data2vec
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('data2vec_audio_base')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
