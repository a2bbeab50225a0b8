r"""Does a fingerprint, trained to tell recordings apart, know what makes music alike?

NeuralFP has no published weights: give a checkpoint of your own training, the prefix of its
.index and .data files. Or read it as a control: --config.encoder.weights=random.

  python -m jaxprobe.launch --config=configs/neuralfp.py --workdir=runs/neuralfp \
      --config.encoder.weights=logs/checkpoint/NAME/ckpt-100 --config.encoder.preset=mir_ref
  python -m jaxprobe.launch --config=configs/neuralfp.py:smoke --workdir=/tmp/neuralfp
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('neuralfp')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
