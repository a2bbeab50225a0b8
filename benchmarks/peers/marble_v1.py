"""MARBLE v1: features per clip on disk, one process per (layer, rate).

Run in a copy of its checkout by `python . extract` and `python . probe`, with its own
configs/mert/MERT-v1-95M/GTZAN.yaml and overrides on the command line, as its
exp_scripts/probe/probe_MERT.sh does. Overridden: paths, the encoder's width, W&B off, and
`accelerator` and `precision` to cpu and 32, since 16 needs a GPU.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import process

HOW = (
    'github.com/a43992899/MARBLE-Benchmark at d9300e3; its python: 3.10 with torch==2.0.1 '
    'torchaudio==2.0.2 pytorch-lightning==1.9.4 numpy==1.23.5 and the rest of requirements.txt'
)
CONFIG = 'configs/mert/MERT-v1-95M/GTZAN.yaml'
LAYERS = ('all', *map(str, range(12, -1, -1)))  # As in probe_MERT.sh.
MARK = 'benchmark/probe.py'

# Imported by `python . ` whatever it is asked to do, and not used for MERT on GTZAN. Where one is
# not installed an empty module takes its place.
# `models` belongs to YuE's codec, which the repository itself lacks.
UNUSED = (
    'einops', 'essentia', 'jams', 'madmom', 'models', 'musdb', 'nnAudio', 'omegaconf',
    'openunmix', 'sentencepiece', 'sox', 'tensorflow', 'wget',
)  # fmt: skip

STAND_IN = '''"""Empty modules for what is absent and not used; put on the path by a bench."""
import importlib.machinery, importlib.util, sys, types

NAMES = {names!r}


class Anything(type):
    def __getattr__(cls, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return Anything(name, (), {{}})


class Module(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return Anything(name, (), {{}})


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in NAMES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Module(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(Finder())
'''

READ = """
import sys, time
sys.path.insert(0, '.')
from benchmark.tasks.GTZAN.GTZAN_dataset import FeatureDataset
parts = [FeatureDataset(sys.argv[1], sys.argv[2], split, '6') for split in ('train', 'valid')]
for _ in range(2):
    began = time.perf_counter()
    for part in parts:
        for i in range(len(part)):
            part[i]
print(time.perf_counter() - began)
"""


class Marble:
    """A copy of the checkout, and its python."""

    def __init__(self, checkout: Path, python: str, scratch: Path, epochs: int):
        """Copies the checkout; what it writes lands in the copy. `epochs`: at most; its own 100."""
        self.folder = scratch / 'marble_v1'
        shutil.copytree(checkout, self.folder, dirs_exist_ok=True)
        # Its YuE extractor, imported by every `extract`, links this and fails where the link is.
        link = self.folder / 'xcodec_mini_infer/semantic_ckpts/hf_1_325000'
        link.mkdir(parents=True, exist_ok=True)
        self.python, self.logs, self.epochs = python, scratch / 'logs', epochs
        site = Path(tempfile.mkdtemp(dir=scratch)) / 'sitecustomize.py'
        site.write_text(STAND_IN.format(names=UNUSED))
        self.environment = {'PYTHONPATH': str(site.parent), 'WANDB_MODE': 'disabled'}

    def extract(self, data: Path, weights: Path, out: Path) -> process.Ran:
        """All clips, one by one, as `extract` does."""
        pre = 'dataset.pre_extract'
        return self._run(
            'v1_extract.log',
            'extract',
            {
                f'{pre}.accelerator': 'cpu',
                f'{pre}.audio_dir': str(data / 'genres'),
                f'{pre}.output_dir': str(out),
                f'{pre}.feature_extractor.pretrain.pre_trained_folder': str(weights),
            },
        )

    def probe(self, data: Path, features: Path, width: int, layer: str, rate: float) -> process.Ran:
        """One cell: one process."""
        return self._run(
            f'v1_probe_{width}_{layer}_{rate}.log',
            'probe',
            {
                'optimizer.lr': f'{rate}',
                'model.downstream_structure.components[0].layer': repr(layer),
                'dataset.input_dir': str(features),
                'dataset.metadata_dir': str(data),
                'dataset.pre_extract.feature_extractor.pretrain.num_features': f'{width}',
                'trainer.accelerator': 'cpu',
                'trainer.precision': '32',
                'trainer.max_epochs': f'{self.epochs}',
                'logger.wandb_off': 'True',
            },
        )

    def read_seconds(self, data: Path, features: Path) -> float:
        """What its data set takes to read train and valid once, files in the page cache."""
        log = self.logs / 'v1_read.log'
        process.run(
            [self.python, '-c', READ, str(features), str(data)], self.folder, log, self.environment
        )
        return float(log.read_text().split()[-1])

    def _run(self, log: str, verb: str, overrides: dict[str, str]) -> process.Ran:
        said = ',,'.join(f'{key}={value}' for key, value in overrides.items())
        command: Sequence[str] = (self.python, '.', verb, '-c', CONFIG, '-o', said)
        return process.run(command, self.folder, self.logs / log, self.environment)
