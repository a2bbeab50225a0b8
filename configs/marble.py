r"""What does every layer of an encoder know of all of MARBLE's constrained track?

The mode is the encoder. Fourteen tasks, six learning rates, one seed, every layer and the learned
weighted sum. Tasks whose data are not below --config.data_dir are skipped by name, with what they
need; when more data have arrived, the same command adds their tasks to the same working directory.
The report has MARBLE's average (tasks of two metrics count once) and what each task cost beside
MARBLE's limit of a week on one RTX 3090.

  python -m jaxprobe.launch --config=configs/marble.py:muq --workdir=runs/marble_muq
  jaxprobe plan --config=configs/marble.py:muq
  python -m jaxprobe.launch --config=configs/marble.py:muq_smoke --workdir=/tmp/marble

:muq_smoke runs two synthetic stand-ins through a tiny random encoder: it proves the installation,
not the model. :full and :smoke are those of MuQ.
"""

from jaxprobe.core import config

TASKS = (
    'gtzan_genre', 'giantsteps_key', 'emomusic', 'magnatagatune', 'nsynth_instrument',
    'nsynth_pitch', 'vocalset_singer', 'vocalset_technique', 'mtg_top50', 'mtg_genre',
    'mtg_instrument', 'mtg_moodtheme', 'gtzan_rhythm', 'musdb18',
)  # fmt: skip


def get_config(mode: str = 'muq') -> config.Settings:
    c = config.base()
    name = mode.removesuffix('smoke').removesuffix('_')
    c.encoder = config.encoder('muq' if name in ('', 'full') else name)
    c.tasks = {task: {} for task in TASKS}
    c.skip_missing = True
    if mode.endswith('smoke'):
        config.shrink(c)
        c.tasks = {name: dict(items=(24, 12, 12)) for name in ('synth_instrument', 'synth_emotion')}
    return c
