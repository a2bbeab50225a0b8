"""Small made stems whose mask can be read off the embeddings of their windows."""

import numpy as np

from jaxprobe.probes.separation.data import Data, Whole, Windows
from jaxprobe.probes.separation.head import MaskHead
from jaxprobe.probes.separation.spectra import Spectra
from jaxprobe.probes.spec import BankSpec, Source

SIZES = Spectra(rate=400, n_fft=16, hop=4)
FRAMES, STORED, TARGETS = 8, 4, 2
WIDTHS = (5, 5, 3)
HEAD = MaskHead(bins=SIZES.bins, hidden=6, lstm_layers=2, dropout=0.3)


def spec(**changes):
    given = {
        'task': 'made',
        'kind': 'separation',
        'outputs': TARGETS,
        'sources': (Source('0', (0,)), Source('2', (2,)), Source('mix', (0, 1), learned=True)),
        'learning_rates': (1e-3, 1e-2),
        'seeds': 2,
        'root_seed': 0,
        'monitor': 'loss',
        'hidden': (6,),
        'batch_items': 3,
        'epochs': 3,
        'plateau_patience': 1,
        'stop_patience': 3,
        'frames': True,
    }
    return BankSpec(**{**given, **changes})


def song(state, windows):
    """Two stems that take turns, and embeddings that say whose turn it is."""
    samples = windows * FRAMES * SIZES.hop
    turn = np.repeat(state.rand(-(-samples // 16)) < 0.5, 16)[:samples]
    stems = np.stack([turn, ~turn]) * state.randn(2, samples)
    said = turn.reshape(windows, STORED, -1).mean(axis=-1, keepdims=True)
    groups = {
        5: np.repeat(said[..., None], 2, axis=2) + 0.3 * state.randn(windows, STORED, 2, 5),
        3: said[..., None] + 0.1 * state.randn(windows, STORED, 1, 3),
    }
    waves = np.concatenate([stems.sum(axis=0, keepdims=True), stems]).astype(np.float32)
    return {w: g.astype(np.float32) for w, g in groups.items()}, waves


class Part:
    """A split in memory, served as a store and files would serve it."""

    def __init__(self, seed, counts):
        state = np.random.RandomState(seed)
        self.songs = [song(state, n) for n in counts]
        self.groups = {w: np.concatenate([s[0][w] for s in self.songs]) for w in (5, 3)}
        half, samples = SIZES.n_fft // 2, SIZES.samples(FRAMES)
        cuts = []
        for groups, waves in self.songs:
            padded = np.pad(waves, ((0, 0), (half, half)), mode='reflect')
            starts = np.arange(len(groups[5])) * FRAMES * SIZES.hop
            cuts += [padded[:, s : s + samples] for s in starts]
        self.waves = np.stack([np.pad(c, ((0, 0), (0, samples - c.shape[1]))) for c in cuts])
        self.counts = np.ones((len(self.waves), FRAMES), bool)
        self.counts[::3, -2:] = False
        self.reads = 0

    def windows(self):
        def read(lists):
            for rows in lists:
                self.reads += 1
                yield {w: g[rows] for w, g in self.groups.items()}, self.waves[rows]

        return Windows(self.counts, read)

    def whole(self):
        def read():
            for groups, waves in self.songs:
                frames = SIZES.frames(waves.shape[1])
                yield groups, waves, np.minimum(np.arange(frames), len(groups[5]) * FRAMES - 1)

        energies = np.stack([(w[1:] ** 2).sum(axis=1) for _, w in self.songs])
        longest = max((len(g[5]), w.shape[1]) for g, w in self.songs)
        return Whole(energies, read, longest)


def data(train=(3, 2, 2)):
    train, valid, test = Part(0, train), Part(1, (2, 2)), Part(2, (2, 1))
    songs = {'valid': valid.whole(), 'test': test.whole()}
    return Data(train.windows(), valid.windows(), songs, STORED, TARGETS), (train, valid, test)
