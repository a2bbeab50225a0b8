r"""Do models of speech know music, and does training them on music help?

The speech-SSL paper (Ma et al., ISMIR 2023), table 1: HuBERT and data2vec as they were trained on
speech, MusicHuBERT and music2vec trained on music. One probe per task: the learned weighted sum of
all 13 states at a learning rate of 1e-3, which is what leaves three of its four key probes at the
level of a constant answer (the report says so beside the numbers). Here over five seeds. Tasks and
encoders that are not here are skipped by name; MusicHuBERT was never published.

  python -m jaxprobe.launch --config=configs/speech_ssl.py --workdir=runs/speech_ssl
  python -m jaxprobe.launch --config=configs/speech_ssl.py:smoke --workdir=/tmp/speech_ssl

:smoke runs tiny random encoders on synthetic audio: it proves the installation, not the models.
"""

from jaxprobe.core import config

BESIDE = ('musichubert', 'data2vec_audio_base', 'music2vec')
TASKS = (
    'magnatagatune', 'giantsteps_key', 'gtzan_genre', 'emomusic', 'nsynth_instrument',
    'nsynth_pitch', 'vocalset_technique', 'vocalset_singer', 'gtzan_rhythm', 'mtg_instrument',
    'mtg_moodtheme', 'mtg_genre', 'mtg_top50',
)  # fmt: skip


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('hubert_base', sources='mix13')
    c.beside = {name: config.encoder(name, sources='mix13') for name in BESIDE}
    c.tasks = {task: {} for task in TASKS}
    c.skip_missing = True
    c.probe.learning_rates = (1e-3,)
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
