r"""What does a model know of my own labels? Any encoder on the user's CSV or JSONL.

The manifest has the columns path, split (train, valid, test) and label; `labels` separated by |
for tags; numeric columns for regression. Optional: id, start, duration, group. Paths are
relative to the manifest.

  python -m jaxprobe.launch --config=configs/own_data.py --workdir=runs/mine \
      --config.manifest=labels.csv --config.kind=multiclass --config.encoder.name=musicnn_msd

:smoke runs one synthetic task in place of a manifest.
"""

from jaxprobe.core import config


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('musicnn_msd')
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    c.kind = 'multiclass'
    c.probe.seeds = 3
    if config.is_smoke(mode):
        config.shrink(c)
    return c
