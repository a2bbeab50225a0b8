"""EfficientNet in torch, from the paper: what the graph that we build and run is held to.

Independent of the interpreter: torch's own operations, channels first, padding by hand.
"""

import numpy as np
import torch
from torch.nn import functional

EPSILON = 1e-3


class EffNet(torch.nn.Module):
    """The network over [B 128 96], given the constants of a built graph by their names."""

    def __init__(self, arch, constants):
        super().__init__()
        self.arch = arch
        self.names = {}
        for index, (name, value) in enumerate(constants.items()):
            if np.issubdtype(value.dtype, np.floating):
                self.names[name.removeprefix('effnet/')] = f'c{index}'
                self.register_buffer(f'c{index}', torch.tensor(np.array(value)))

    def get(self, name):
        return getattr(self, self.names[name])

    def conv(self, name, x, stride=1, depthwise=False):
        kernel = self.get(f'{name}/kernel')
        order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        pads = []
        for size, tap in zip((x.shape[3], x.shape[2]), (kernel.shape[1], kernel.shape[0])):
            total = max(0, (-(-size // stride) - 1) * stride + tap - size)
            pads += [total // 2, total - total // 2]  # The odd zero comes last.
        groups = x.shape[1] if depthwise else 1
        return functional.conv2d(
            functional.pad(x, pads), kernel.permute(*order), stride=stride, groups=groups
        )

    def norm(self, name, x):
        leaves = (self.get(f'{name}/{leaf}') for leaf in ('mean', 'variance', 'gamma', 'beta'))
        return functional.batch_norm(x, *leaves, training=False, eps=EPSILON)

    def gate(self, name, x):
        y = x.mean((2, 3), keepdim=True)
        y = self.conv(f'{name}_reduce', y) + self.get(f'{name}_reduce/bias')[:, None, None]
        y = functional.silu(y)
        y = self.conv(f'{name}_expand', y) + self.get(f'{name}_expand/bias')[:, None, None]
        return x * torch.sigmoid(y)

    def block(self, name, x, stage, stride):
        y, width = x, x.shape[1]
        if stage.expand > 1:
            y = self.conv(f'{name}_expand', y)
            y = functional.silu(self.norm(f'{name}_expand_bn', y))
        y = self.conv(f'{name}_dw', y, stride, depthwise=True)
        y = functional.silu(self.norm(f'{name}_dw_bn', y))
        y = self.norm(
            f'{name}_project_bn', self.conv(f'{name}_project', self.gate(f'{name}_se', y))
        )
        return y + x if stride == 1 and width == stage.width else y

    def forward(self, mel):
        maps = []
        x = self.conv('stem', mel[:, None], 2)
        x = functional.silu(self.norm('stem_bn', x))
        for index, stage in enumerate(self.arch.stages, start=1):
            for repeat in range(stage.repeats):
                name = f'block{index}{"abcd"[repeat]}'
                x = self.block(name, x, stage, stage.stride if repeat == 0 else 1)
            maps.append(x)
        x = functional.silu(self.norm('top_bn', self.conv('top', x)))
        embedding = x.mean((2, 3))
        styles = embedding @ self.get('styles/kernel') + self.get('styles/bias')
        return torch.sigmoid(styles), embedding, [*maps, x]


def stirred(constants, seed=3):
    """The same constants with norms and biases that matter."""
    state = np.random.RandomState(seed)
    found = {}
    for name, value in constants.items():
        leaf = name.split('/')[-1]
        if leaf == 'gamma':
            value = state.uniform(0.5, 1.5, value.shape).astype(np.float32)
        elif leaf == 'variance':  # Large enough that 16 blocks do not amplify rounding.
            value = state.uniform(1.5, 3.0, value.shape).astype(np.float32)
        elif leaf in ('beta', 'mean', 'bias'):
            value = (0.3 * state.standard_normal(value.shape)).astype(np.float32)
        found[name] = value
    return found
