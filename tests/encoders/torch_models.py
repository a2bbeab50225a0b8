"""Small torch encoders, written as a user would write them, for the tests of the adapters."""

import sys
from pathlib import Path

NET = '''
import torch
from torch import nn

from jaxprobe.encoders.external import Tap, torch_module

FACTS = dict(
    sample_rate=1000, window_seconds=3.0, min_seconds=0.2, frame_rate=10.0, gflop_per_second=0.001
)
CARD = torch_module(
    name='net',
    module='{module}:Net',
    taps=(Tap('conv', 8, 'conv', 'BDT'), Tap('block', 8, 'block'), Tap('out', 4)),
    **FACTS,
)
MADE = torch_module(name='made', module='{module}:make', taps=(Tap('out', 4),), **FACTS)


class Net(nn.Module):
    """100 samples become 4 loudnesses, a frame of 8, a linear layer, a head of 4."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 1)
        self.block = nn.Linear(8, 8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 4)

    def forward(self, wave):
        states = self.conv(loudness(wave)).transpose(1, 2)
        return self.head(self.drop(self.block(states)))


def loudness(wave):
    whole = wave[:, : wave.shape[1] // 100 * 100].abs()
    return whole.reshape(wave.shape[0], -1, 4, 25).mean(-1).transpose(1, 2)


def make(weights=''):
    net = Net()
    if weights not in ('', 'random'):
        net.load_state_dict(torch.load(weights))
    return net
'''

HEAR = """
import torch
from torch import nn


class Model(nn.Module):
    sample_rate = 1000
    timestamp_embedding_size = 8
    scene_embedding_size = 6

    def __init__(self):
        super().__init__()
        self.frame = nn.Linear(50, 8)
        self.scene = nn.Linear(8, 6)


def load_model(model_file_path=''):
    torch.manual_seed(0)
    model = Model()
    if model_file_path:
        model.load_state_dict(torch.load(model_file_path))
    return model


def get_timestamp_embeddings(audio, model):
    frames = audio[:, : audio.shape[1] // 50 * 50].reshape(audio.shape[0], -1, 50)
    times = torch.arange(frames.shape[1]) * 50.0 + 25.0
    return model.frame(frames.abs() + 0.1), times.expand(audio.shape[0], -1)


def get_scene_embeddings(audio, model):
    return model.scene(get_timestamp_embeddings(audio, model)[0].mean(1))
"""

HEAR_CARD = """
from jaxprobe.encoders.external import hear

CARD = hear(
    name='toy_hear', module='{module}', sample_rate=1000, window_seconds=3.0, min_seconds=0.2,
    timestamp_size=8, scene_size=6, frame_rate=20.0, gflop_per_second=0.001,
)
"""


def write(monkeypatch, folder: Path, name: str, source: str) -> str:
    """Puts a module where it can be imported during a test; returns its name."""
    (folder / f'{name}.py').write_text(source.replace('{module}', name))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name
