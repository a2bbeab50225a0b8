"""mir_ref: one vector per clip on disk, probes one after another in one process (Keras).

Its `train` is called as run.py calls it, on a YAML with the three probes of its
configs/example.yml. Ours, at run time: a Dataset of our clips (as its
datasets/custom_datasets.py asks), and `yaml` put into its train module, which uses the name
without importing it and ends in a NameError before its first epoch.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import yaml

from benchmarks.peers import process
from benchmarks.peers.data import Clip
from jaxprobe.tasks import gtzan

HOW = (
    'github.com/chrispla/mir_ref at 691ae42; its python: 3.10 with tensorflow-cpu==2.15.0 '
    'colorama pyyaml scikit-learn wget tqdm'
)
MARK = 'mir_ref/train.py'
HEADS: dict[str, tuple[int | str, ...]] = {'linear': (), 'infer': ('infer',), 'mlp': (256, 128)}
BATCH, PATIENCE, DECAY, RATE = 64, 10, 1e-5, 1e-3

RUN = """
import json, sys
sys.path.insert(0, '.')
import numpy as np
import yaml
import mir_ref.train as train
from mir_ref.datasets.dataset import Dataset

ITEMS = json.load(open(sys.argv[2]))


class Listed(Dataset):
    def download(self):
        self.load_metadata()

    def load_metadata(self):
        self.track_ids = list(ITEMS)
        self.labels = {name: label for name, (split, label) in ITEMS.items()}
        self.encoded_labels = {name: np.eye(10, dtype=int)[v] for name, v in self.labels.items()}
        self.audio_paths = {name: f'{self.data_dir}/audio/{name}' for name in ITEMS}
        self.common_audio_dir = f'{self.data_dir}/audio'

    def get_splits(self):
        parts = {'train': 'train', 'validation': 'valid', 'test': 'test'}
        return [{k: [n for n, (s, _) in ITEMS.items() if s == v] for k, v in parts.items()}]


train.yaml = yaml
train.get_dataset = lambda dataset_cfg, task_cfg, features_cfg: Listed(
    name=dataset_cfg['name'], dataset_type='custom', data_dir=dataset_cfg['dir'],
    split_type='single', task_name=task_cfg['name'], task_type=task_cfg['type'],
    feature_aggregation='mean', deformations_cfg=[], features_cfg=features_cfg,
)
train.train(cfg_path=sys.argv[1], run_id=sys.argv[3])
"""


class MirRef:
    """A copy of the checkout, and its python."""

    def __init__(self, checkout: Path, python: str, scratch: Path):
        """Copies the checkout; what it writes lands in the copy."""
        self.folder = scratch / 'mir_ref'
        shutil.copytree(checkout, self.folder, dirs_exist_ok=True)
        self.python, self.logs, self.data = python, scratch / 'logs', scratch / 'mir_ref_data'
        (self.folder / 'jaxprobe_run.py').write_text(RUN)

    def write(self, chosen: list[Clip], vectors: np.ndarray) -> None:
        """One .npy [width] per clip, where its data set looks for them, and the items."""
        for clip, vector in zip(chosen, vectors, strict=True):
            path = (self.data / 'embeddings' / 'given' / clip.name).with_suffix('.npy')
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, vector)
        items = {clip.name: [clip.split, clip.label] for clip in chosen}
        (self.data / 'items.json').write_text(json.dumps(items))

    def train(self, head: str, epochs: int) -> process.Ran:
        """One probe, as one experiment of a YAML."""
        probe = {
            'type': 'classifier',
            'emb_dim_reduction': False,
            'emb_shape': 'infer',
            'hidden_units': list(HEADS[head]),
            'output_activation': 'softmax',
            'weight_decay': DECAY,
            'optimizer': 'adam',
            'learning_rate': RATE,
            'batch_size': BATCH,
            'epochs': epochs,
            'patience': PATIENCE,
            'train_sampling': 'random',
        }
        experiment = {
            'task': {'name': 'genre', 'type': 'multiclass_classification'},
            'datasets': [
                {'name': 'listed', 'type': 'custom', 'dir': str(self.data), 'split_type': 'single',
                 'deformations': []}
            ],
            'features': ['given'],
            'probes': [probe],
        }  # fmt: skip
        config = self.data / f'{head}.yml'
        config.write_text(yaml.safe_dump({'experiments': [experiment]}))
        command = (self.python, 'jaxprobe_run.py', str(config), str(self.data / 'items.json'), head)
        return process.run(
            command, self.folder, self.logs / f'mir_ref_{head}.log', {'TF_CPP_MIN_LOG_LEVEL': '2'}
        )


def hidden(head: str, width: int) -> tuple[int, ...]:
    """The hidden sizes of a head: of 'infer', half way from the vector to the classes, even."""
    if HEADS[head] != ('infer',):
        return tuple(int(size) for size in HEADS[head])
    half = int(len(gtzan.LABELS) + (width - len(gtzan.LABELS)) / 2)
    return (half + half % 2,)
