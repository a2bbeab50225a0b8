r"""How far does a model of sound events carry for music? VGGish's layers on GTZAN genres.

Four pools, two dense layers and the 128 numbers that are usually called VGGish. Weights are no
package: bring `vggish_model.ckpt` (277 MB; `jaxprobe ls encoders vggish` says from where) and give
it as --config.encoder.weights=FILE.

  python -m jaxprobe.launch --config=configs/vggish.py --workdir=runs/vggish \
      --config.encoder.weights=FILE
  python -m jaxprobe.launch --config=configs/vggish.py:smoke --workdir=/tmp/vggish

--config.encoder.options=output=post_relu ends in torchvggish's ReLU;
--config.encoder.preset=mir_ref uses Essentia's front end and patches 0.93 s apart.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('vggish')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
