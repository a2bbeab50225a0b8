r"""What does fine-tuning on transcripts leave of genre in data2vec-audio's layers?

MARBLE's "data2vec-audio-base" loads this checkpoint. The self-supervised one beside it. Needs
the GTZAN audio below --config.data_dir and facebook/data2vec-audio-base-960h and
facebook/data2vec-audio-base in the Hugging Face cache, or --config.encoder.weights=DIR and
--config.beside.data2vec_audio_base.weights=DIR.

  python -m jaxprobe.launch --config=configs/data2vec_audio_base_960h.py --workdir=runs/data2vec
  python -m jaxprobe.launch --config=configs/data2vec_audio_base_960h.py:smoke --workdir=/tmp/d2v
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('data2vec_audio_base_960h')
    c.beside.data2vec_audio_base = config.encoder('data2vec_audio_base')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
