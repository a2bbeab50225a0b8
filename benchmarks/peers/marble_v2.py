"""MARBLE v2: the encoder runs at every step of every epoch, one process per (layer, rate).

Run in a copy of its checkout by `python cli.py fit -c` and `python cli.py test -c`, with its own
configs/probe.MERT-v1-95M.GTZANGenre.yaml. Changed in it: paths, layer, rate and number of
epochs; the encoder's folder and width; clips of one second in place of 30.2; `accelerator` and
`precision` to cpu and 32; its W&B logger to Lightning's CSV logger.
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.peers import process

HOW = (
    'github.com/a43992899/MARBLE at 938c03a; its python: 3.11 with torch==2.6.0 '
    'torchaudio==2.6.0 lightning==2.5.1 transformers==4.52.3 and the rest of pyproject.toml'
)
CONFIG = 'configs/probe.MERT-v1-95M.GTZANGenre.yaml'
LAYERS = tuple(map(str, range(13)))  # It has no weighted sum with a softmax.
MARK = 'marble/core/base_task.py'


class Cell(NamedTuple):
    """A cell: two processes."""

    fit: process.Ran
    test: process.Ran

    @property
    def beside_epochs(self) -> float:
        """Seconds of both processes that do not grow with the number of epochs."""
        return self.fit.seconds - self.fit.epochs * self.fit.per_epoch + self.test.seconds


class Marble:
    """A copy of the checkout, and its python."""

    def __init__(self, checkout: Path, python: str, scratch: Path, workers: int):
        """Copies the checkout; what it writes lands in the copy.

        Args:
            checkout, python: the user's.
            scratch: where the copy goes.
            workers: of its loaders; its own configs say 8.
        """
        self.folder = scratch / 'marble_v2'
        shutil.copytree(checkout, self.folder, dirs_exist_ok=True)
        self.python, self.logs, self.workers = python, scratch / 'logs', workers

    def cell(
        self, data: Path, weights: Path, width: int, layer: str, rate: float, epochs: int
    ) -> Cell:
        """Trains one cell for at most `epochs` and tests it."""
        name = f'v2_{width}_{layer}_{rate}'
        path = self.folder / f'{name}.yaml'
        shipped = yaml.safe_load((self.folder / CONFIG).read_text())
        settings = self.settings(shipped, data, weights, width, layer, rate, epochs)
        path.write_text(yaml.safe_dump(settings))
        ran = [
            process.run(
                (self.python, 'cli.py', verb, '-c', path.name),
                self.folder,
                self.logs / f'{name}_{verb}.log',
            )
            for verb in ('fit', 'test')
        ]
        return Cell(*ran)

    def settings(
        self,
        config: dict[str, Any],
        data: Path,
        weights: Path,
        width: int,
        layer: str,
        rate: float,
        epochs: int,
    ) -> dict[str, Any]:
        """Its own config with what differs here."""
        out = str(self.folder / 'output' / f'{width}_{layer}_{rate}')
        trainer, model, loaded = config['trainer'], config['model']['init_args'], config['data']
        trainer |= {'accelerator': 'cpu', 'devices': 1, 'precision': 32, 'max_epochs': epochs}
        trainer['callbacks'][0]['init_args']['dirpath'] = f'{out}/checkpoints'
        trainer['logger'] = {
            'class_path': 'lightning.pytorch.loggers.CSVLogger',
            'init_args': {'save_dir': out},
        }
        model['encoder']['init_args']['pre_trained_folder'] = str(weights)
        model['emb_transforms'][0]['init_args']['layers'] = [int(layer)]
        model['decoders'][0]['init_args']['in_dim'] = width
        config['optimizer']['init_args']['lr'] = rate
        loaded['init_args']['num_workers'] = self.workers
        for transforms in loaded['init_args']['audio_transforms'].values():
            transforms[0]['init_args']['pre_trained_folder'] = str(weights)
        for part in ('train', 'val', 'test'):
            loaded['init_args'][part]['init_args'] |= {
                'jsonl': str(data / f'GTZANGenre.{part}.jsonl'),
                'clip_seconds': 1.0,
            }
        return config
