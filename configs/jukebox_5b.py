r"""What does every layer of Jukebox know of genre, not only the 36th? jukemir's windows on GTZAN.

The mean over 8192 tokens of each of 36 layers of the top prior, and of what enters the first, as
jukemir takes the last of them. Needs a GPU with 12 GB or more to be of use (41 TFLOP per clip),
the GTZAN audio below --config.data_dir (`jaxprobe prepare gtzan_genre` says what and where), and
vqvae.pth.tar and prior_level_2.pth.tar of OpenAI's 5b model in one folder:

  python -m jaxprobe.launch --config=configs/jukebox_5b.py --workdir=runs/jukebox_5b \
      --config.encoder.weights=FOLDER
  python -m jaxprobe.launch --config=configs/jukebox_5b.py:smoke --workdir=/tmp/jukebox_5b

Their licence allows no commercial use. :smoke runs the same path with a tiny random model on
synthetic audio and drops the preset: it proves the installation, not the model.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('jukebox_5b', preset='jukemir', dtype='bfloat16')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.tasks = dict(gtzan_genre={})
    c.extract.batch_windows = 1  # A window fills a device: 8192 tokens, 0.9 GB beside the weights.
    c.probe.seeds = 5
    if config.is_smoke(mode):
        config.shrink(c)
    return c
