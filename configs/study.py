r"""Which layer, how sure, compared with what, does it survive noise? Everything at once.

MusiCNN (its published weights), the FBANK+Chroma floor and a random control, with every further
question this program can ask of the same embeddings: shuffled labels, fewer training items, other
heads, ridge and LDA, deformed test audio, similarity of layers, projections.

  python -m jaxprobe.launch --config=configs/study.py --workdir=runs/study
  python -m jaxprobe.launch --config=configs/study.py:own --workdir=runs/study_fsdd \
      --config.manifest=fsdd_digit.csv

:own asks it of the user's labels (as configs/own_data.py), in place of two synthetic tasks.
"""

from jaxprobe.core import config

DEFORMED = 'noise:30,noise:15,noise:0,mp3:32,lowpass:8000,lowpass:2000,gain:-12'


def get_config(mode: str = 'full') -> config.Settings:
    config.check_mode(mode, (*config.MODES, 'own'))
    c = config.base()
    c.encoder = config.encoder('musicnn_msd')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.beside.random_conformer = config.encoder('toy_conformer', weights='random')
    if mode == 'own':
        c.kind = 'multiclass'
    else:
        c.tasks = {name: dict(items=(240, 80, 120)) for name in ('synth_instrument', 'synth_key')}
    c.probe.seeds = 2
    c.study.shuffled, c.study.closed_form, c.study.projection = True, True, True
    c.study.fractions = (0.03, 0.1, 0.3)
    c.study.heads = 'linear,m3'
    c.study.deform = DEFORMED
    c.study.similarity = 'input,layers,encoders'
    if mode == 'smoke':
        config.shrink(c)
        c.study.fractions, c.study.heads, c.study.deform = (0.5,), 'linear', 'noise:0'
    return c
