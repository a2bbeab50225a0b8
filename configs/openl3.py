r"""What does every layer of OpenL3 know of genre, and what is enough hop for it?

Look, listen and learn more: one second of music at a time. The reference takes a window every
0.1 s, which is 204 GFLOP per second of audio, more than any other convolutional encoder here and
ten times what the same network costs at 1 s. Windows that far apart share nine tenths of their
audio and are averaged over the item anyway, so this note takes one every 0.5 s (41 GFLOP), where
every sample is still heard twice. --config.encoder.options=hop=0.1 and
--config.encoder.preset=openl3 are the reference's.

Weights are on GitHub: bring `openl3_audio_mel256_music-v0_4_0.h5.gz` (`jaxprobe ls encoders openl3`
says from where) and give it, gzipped as it is, as --config.encoder.weights=FILE.

  python -m jaxprobe.launch --config=configs/openl3.py --workdir=runs/openl3 \
      --config.encoder.weights=FILE
  python -m jaxprobe.launch --config=configs/openl3.py:smoke --workdir=/tmp/openl3
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('openl3', options='hop=0.5')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
