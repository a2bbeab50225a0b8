r"""What does every layer of CLMR know of genre, and what do its peers' 360 extra samples change?

SampleCNN hears the waveform alone: eleven convolutions, each a probe point. Weights are no
package: bring `clmr_magnatagatune_mlp.zip` of release 2.1 (`jaxprobe ls encoders clmr` says how)
and give it, zipped as it is, as --config.encoder.weights=FILE.

  python -m jaxprobe.launch --config=configs/clmr.py --workdir=runs/clmr \
      --config.encoder.weights=FILE
  python -m jaxprobe.launch --config=configs/clmr.py:smoke --workdir=/tmp/clmr

--config.encoder.preset=jukemir cuts 59 409 samples as jukemir and MARBLE do; mir_ref fills up
tails with zeros (and used the weights of release 2.0).
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('clmr')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
