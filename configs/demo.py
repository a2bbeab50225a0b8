r"""What do the layers of MusiCNN know of three synthetic tasks? The first thing to run.

A real pretrained music model (MusiCNN, its published weights), the FBANK+Chroma floor and a
random conformer as control, on three tasks made by our own code.

  make demo
  python -m jaxprobe.launch --config=configs/demo.py --workdir=runs/demo

Cost: under 4 minutes on 2 CPU cores. Result: README, first results.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicnn_msd')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.beside.random_conformer = config.encoder('toy_conformer', weights='random')
    items = (240, 80, 120)  # Clips of train, valid, test.
    c.probe.seeds = 2
    c.study.shuffled = True  # The control: half as long again for the probes.
    if config.is_smoke(mode):
        items = (24, 12, 12)
        c.probe.epochs = 3
        c.probe.learning_rates = (1e-3, 5e-3)
        c.study.shuffled = False
    c.tasks = {name: dict(items=items) for name in ('synth_instrument', 'synth_key', 'synth_tags')}
    return c
