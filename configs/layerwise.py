r"""What does each layer of MuQ and of MusicFM know, and how like the spectrogram is it?

The layer-wise paper (Zhou et al. 2025): layers 1 to 12 and their weighted sum on its 14 numbers
(figure 2, table 1), FBANK and chroma beside them, and PWCCA of every layer with the mel input
(figure 3). The report sets its numbers beside ours. The paper gives no learning rates and no rule
of selection; here they are MARBLE's six, chosen on validation, over five seeds. Tasks and encoders
that are not here are skipped by name; the ratings of mt_* are the authors' own.

  python -m jaxprobe.launch --config=configs/layerwise.py --workdir=runs/layerwise
  python -m jaxprobe.launch --config=configs/layerwise.py:smoke --workdir=/tmp/layerwise

:smoke runs tiny random encoders on synthetic audio: it proves the installation, not the models.
"""

from jaxprobe.core import config

LAYERS = '1,2,3,4,5,6,7,8,9,10,11,12,mix'
TASKS = (
    'gtzan_genre', 'emomusic', 'vocalset_singer', 'vocalset_technique', 'giantsteps_key',
    'nsynth_instrument', 'nsynth_pitch', 'magnatagatune', 'harmonix_structure', 'mt_rd', 'mt_mpc',
    'mt_sqc',
)  # fmt: skip


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('muq', sources=LAYERS)
    c.beside.musicfm_msd = config.encoder('musicfm_msd', sources=LAYERS)
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = {task: {} for task in TASKS}
    c.skip_missing = True
    c.probe.seeds = 5
    c.study.similarity = 'input'
    if config.is_smoke(mode):
        config.shrink(c)
    return c
