r"""Which representation, under which probe, survives which deformation? mir_ref's tables 4 to 9.

Seven encoders, each read and cut as mir_ref does (its presets), MERT-v1-95M as means of layers 0-3,
4-8 and 9-12 and as layer 6 alone; six tasks in mir_ref's protocol, whose own probe is M1 (linear),
and M2 to M5 from the same embeddings; test audio with white noise at 15 and 0 dB, as MP3 at
32 kbit/s and 12 dB quieter. Every number is read from one extraction per deformation, none is
written as audio. Tasks and encoders that are not here are skipped by name with what they need.

  python -m jaxprobe.launch --config=configs/mir_ref.py --workdir=runs/mir_ref
  python -m jaxprobe.launch --config=configs/mir_ref.py:smoke --workdir=/tmp/mir_ref

:smoke runs two tiny random encoders on synthetic audio: it proves the installation, not the models.
"""

from jaxprobe.core import config

VECTORS = {
    'vggish': 'embedding', 'effnet_discogs': 'embedding', 'musicnn_msd': 'penultimate',
    'openl3': 'emb512', 'neuralfp': 'embedding', 'clmr': 'conv10',
}  # fmt: skip
SPLITS = {
    'magnatagatune': dict(split='mir_ref'), 'beatport_key': {}, 'tinysol_instrument': {},
    'tinysol_pitch_class': {}, 'vocalset_singer': dict(split='mir_ref'),
    'vocalset_technique': dict(split='mir_ref'),
}  # fmt: skip


def get_config(mode: str = 'full') -> config.Settings:
    c = config.base()
    c.encoder = config.encoder('mert_v1_95m', sources='0-3,4-8,9-12,6')
    c.beside = {n: config.encoder(n, preset='mir_ref', sources=s) for n, s in VECTORS.items()}
    c.tasks = {task: dict(protocol='mir_ref') | split for task, split in SPLITS.items()}
    c.skip_missing = True
    c.probe.seeds = 5
    c.study.heads = 'm2,m3,m4,m5'
    c.study.deform = 'mir_ref'
    if config.is_smoke(mode):
        config.shrink(c)
        c.beside = {'clmr': c.beside['clmr']}
        c.study.heads, c.study.deform = 'm2,m5', 'noise:0,mp3:32'
    return c
