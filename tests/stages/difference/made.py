"""Two finished runs to plant changes in: results without training, and a store of two shards."""

import shutil
from pathlib import Path

import numpy as np

from jaxprobe.core import fs
from jaxprobe.stages import analyse, results
from tests.stages import planted

RESAMPLES = 50


def run(folder: Path, **changes) -> Path:
    """A working directory: two encoders, one task, its plan and its costs."""
    workdir = folder / 'run'
    fs.write_json(workdir / 'plan.json', {'seed': 0, 'store_dir': '', 'probe': {'seeds': 2}})
    fs.write_json(workdir / 'cost.json', {'python': '3.11', 'host': folder.name, 'stages': {}})
    for encoder in ('musicnn', 'muq'):
        record = planted.bank(encoder=encoder, task='genre', layers=4, groups=20, **changes)
        results.write_bank(workdir / 'results' / encoder, 'genre', record)
    analyse.run(workdir, resamples=RESAMPLES)
    return workdir


def copied(workdir: Path, folder: Path) -> Path:
    """The same run in another folder."""
    shutil.copytree(workdir, folder / 'run')
    return folder / 'run'


def replant(workdir: Path, change, encoder: str = 'muq') -> None:
    """Changes one record as if it had been computed so, and analyses the run again."""
    folder = workdir / 'results' / encoder
    record = results.load_bank(folder, 'genre')
    for name in ('valid_logits', 'test_logits', 'test_targets', 'mix_weights'):
        object.__setattr__(record, name, np.array(getattr(record, name)))
    results.write_bank(folder, 'genre', change(record) or record)
    analyse.run(workdir, resamples=RESAMPLES)
