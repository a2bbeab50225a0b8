"""The mask head and its training, one probe at a time, in torch's own parts: a plain loop.

Only the randomness is ours: initial weights, the order of windows and dropout masks.
"""

import math

import jax
import numpy as np
import torch

from jaxprobe.probes import draws
from jaxprobe.probes.separation import head as heads

KEEP = jax.jit(draws.keep, static_argnums=(3, 4, 5))


class Solo(torch.nn.Module):
    """torch's Linear, BatchNorm1d and LSTM with given weights; dropout with given masks."""

    def __init__(self, params, head):
        super().__init__()
        tensor = lambda array: torch.tensor(np.array(array))  # noqa: E731
        self.dropout, units = head.dropout, head.hidden
        self.mix = torch.nn.Parameter(tensor(params['mix'])) if 'mix' in params else None
        for name in ('fc1', 'fc2', 'fc3'):
            n_out, n_in = params[name].shape
            layer = torch.nn.Linear(n_in, n_out, bias=False)
            layer.weight.data = tensor(params[name])
            setattr(self, name, layer)
        self.bn1, self.bn2 = torch.nn.BatchNorm1d(units), torch.nn.BatchNorm1d(units)
        self.bn3 = torch.nn.BatchNorm1d(head.bins)
        # One module per layer, so that masks can be put between them.
        self.lstms = torch.nn.ModuleList()
        for ways in params['lstm']:
            lstm = torch.nn.LSTM(
                units,
                units // len(ways),
                batch_first=True,
                bidirectional=len(ways) == 2,
            )
            for way, suffix in zip(ways, ('', '_reverse')):
                for name, array in way.items():
                    getattr(lstm, f'{name}_l0{suffix}').data = tensor(array)
            self.lstms.append(lstm)
        self.output_scale = torch.nn.Parameter(torch.ones(head.bins))
        self.output_mean = torch.nn.Parameter(torch.ones(head.bins))

    def forward(self, x, keeps=None):
        """x: [B T D], or [B T L D] for a mix; keeps: a mask [B T H] per layer but the last."""
        if self.mix is not None:
            x = (torch.softmax(self.mix, 0)[None, None, :, None] * x).sum(dim=2)
        shape = x.shape[:2]
        flat = lambda norm, x: norm(x.reshape(-1, x.shape[-1])).reshape(*shape, -1)  # noqa: E731
        x = torch.tanh(flat(self.bn1, self.fc1(x)))
        inner = x
        for k, lstm in enumerate(self.lstms):
            if k and keeps is not None and len(keeps):
                inner = inner * torch.tensor(keeps[k - 1]) / (1 - self.dropout)
            inner = lstm(inner)[0]
        x = torch.relu(flat(self.bn2, self.fc2(torch.cat([x, inner], -1))))
        x = flat(self.bn3, self.fc3(x))
        return torch.relu(x * self.output_scale + self.output_mean)


def fit(spec, head, train, valid, seed, rate, mixed=0):
    """Trains one probe for one target.

    Args:
        spec: the protocol.
        head: its shape.
        train, valid: (x [W T D] or [W T L D], mixture magnitudes [W T F], the target's, counts
            [W T]).
        seed, rate: of the cell.
        mixed: layers that are mixed.

    Returns:
        Monitor of every epoch, and the module at the best one.
    """
    torch.set_num_threads(1)
    origin = draws.Origin(spec.root_seed, spec.task, seed)
    params, _ = heads.init(origin, head, train[0].shape[-1], mixed=mixed)
    solo, key = Solo(params, head), draws.dropout_key(origin)
    optimizer = torch.optim.Adam(solo.parameters(), lr=rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=spec.plateau_factor, patience=spec.plateau_patience
    )
    n, t = train[0].shape[:2]
    monitors, best = [], None
    for epoch in range(spec.epochs):
        order = draws.order(origin, epoch, n)
        solo.train()
        for step in range(math.ceil(n / spec.batch_items)):
            rows = order[step * spec.batch_items : (step + 1) * spec.batch_items]
            most = min(spec.batch_items, n)
            keeps = [
                np.array(KEEP(key, epoch, step, k, (most * t, head.hidden), head.dropout))
                .reshape(most, t, head.hidden)[: len(rows)]
                for k in range(head.lstm_layers - 1)
            ]  # fmt: skip
            optimizer.zero_grad()
            loss_of(solo, [a[rows] for a in train], keeps).backward()
            optimizer.step()
        solo.eval()
        with torch.no_grad():
            monitors.append(float(loss_of(solo, valid)))
        plateau.step(monitors[-1])
        if monitors[-1] == min(monitors):
            best = {k: v.clone() for k, v in solo.state_dict().items()}
        if len(monitors) - 1 - int(np.argmin(monitors)) >= spec.stop_patience:
            break
    solo.load_state_dict(best)
    return monitors, solo


def loss_of(solo, part, keeps=None):
    x, mixture, target, counts = (torch.tensor(np.array(a)) for a in part)
    error = ((solo(x, keeps) * mixture - target) ** 2).mean(dim=-1)
    return error[counts].mean()
