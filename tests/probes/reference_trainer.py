"""The protocol, one probe at a time: a plain torch loop that the bank must reproduce.

Torch's own Linear, Adam and ReduceLROnPlateau, scikit-learn's and mir_eval's own metrics; no
vmap, no masks, no padding. Only the randomness is ours (`probes.draws`): initial weights, item
order and dropout masks, so that results compare number by number.
"""

import math
from typing import NamedTuple

import jax
import mir_eval
import numpy as np
import sklearn.metrics
import torch

from jaxprobe.core.layers import width_groups
from jaxprobe.probes import draws, heads

TONICS = ('C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B')
TONICS = ('C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B')
KEYS = [f'{tonic} {mode}' for mode in ('major', 'minor') for tonic in TONICS]

KEEP = jax.jit(draws.keep, static_argnums=(3, 4, 5))


class Outcome(NamedTuple):
    best_epoch: int
    epochs_run: int
    best_monitor: float
    ensemble: str
    valid_logits: np.ndarray
    test_logits: np.ndarray
    mix_weights: np.ndarray | None
    losses: list[float]


class Probe(torch.nn.Module):
    """[mix ->] Linear -> ReLU -> Dropout -> ... -> Linear, with given weights and masks."""

    def __init__(self, params, dropout):
        super().__init__()
        linears = []
        for layer in params['layers']:
            n_out, n_in = layer['weight'].shape
            linear = torch.nn.Linear(n_in, n_out)
            linear.weight.data = torch.tensor(np.array(layer['weight']))
            linear.bias.data = torch.tensor(np.array(layer['bias']))
            linears.append(linear)
        self.linears = torch.nn.ModuleList(linears)
        self.mix = None
        if 'mix' in params:
            self.mix = torch.nn.Parameter(torch.tensor(np.array(params['mix'])))
        self.dropout = dropout

    def forward(self, x, keeps=None):
        """x: rows [R, L, D] of the source's layers; keeps: one mask [R, H] per hidden layer."""
        if self.mix is None:
            x = x.mean(dim=1)
        else:
            x = (torch.softmax(self.mix, 0)[None, :, None] * x).sum(dim=1)
        for i, linear in enumerate(self.linears[:-1]):
            x = torch.relu(linear(x))
            if keeps is not None:
                x = x * torch.tensor(np.array(keeps[i])) / (1 - self.dropout)
        return self.linears[-1](x)


def rows_of(split, item):
    return range(split.first[item], split.first[item] + split.count[item])


def features(spec, layer_widths, source, split):
    """The rows of one source: [R, layers of the source, D]; one row per item for `embeddings`."""
    width = layer_widths[source.layers[0]]
    members = width_groups(layer_widths)[width]
    x = split.groups[width][:, [members.index(k) for k in source.layers]].astype(np.float32)
    if spec.aggregation == 'embeddings':
        x = np.stack([x[list(rows_of(split, i))].mean(0) for i in range(len(split.first))])
        n = len(split.first)
        split = split._replace(first=np.arange(n), count=np.ones(n, int))
    return torch.tensor(x), split


def loss_of(spec, logits, targets):
    if spec.frames:
        there = torch.tensor(np.asarray(targets).reshape(len(targets), -1).min(axis=1) >= 0)
        targets, logits = np.asarray(targets)[there.numpy()], logits[there]
    if spec.kind in ('multiclass', 'key'):
        return torch.nn.functional.cross_entropy(logits, torch.tensor(targets).long())
    targets = torch.tensor(np.asarray(targets, np.float32))
    if spec.kind == 'multilabel':
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    return torch.nn.functional.mse_loss(logits, targets)


def penalty(spec, probe):
    """Keras's l2 regulariser on kernels and biases."""
    return spec.l2 * sum((p**2).sum() for p in probe.linears.parameters())


def item_scores(spec, logits, split):
    """Every ensemble's item scores by name; a task that is not a key has the one ''."""
    if spec.frames:
        return {'': logits}
    windows = [logits[list(rows_of(split, i))] for i in range(len(split.first))]
    softmax = [torch.softmax(torch.tensor(w), -1).numpy() for w in windows]
    if spec.kind == 'key':
        votes = [np.bincount(w.argmax(-1), minlength=w.shape[1]) for w in windows]
        return {
            'vote': np.stack(votes).astype(np.float32),
            'max': np.stack([w.max(0) for w in windows]),
            'gmean': np.stack([w.mean(0) for w in windows]),
            'mean': np.log(np.stack([w.mean(0) for w in softmax])),
        }
    if spec.aggregation == 'probs' and spec.kind == 'multiclass':
        return {'': np.log(np.stack([w.mean(0) for w in softmax]))}
    if spec.aggregation == 'probs' and spec.kind == 'multilabel':
        p = np.stack([(1 / (1 + np.exp(-w.astype(np.float64)))).mean(0) for w in windows])
        return {'': np.log(p / (1 - p)).astype(np.float32)}
    return {'': np.stack([w.mean(0) for w in windows])}


def monitor(spec, scores, targets):
    """The monitor, by the outside authority."""
    if spec.monitor == 'loss':
        return float(loss_of(spec, torch.tensor(scores), targets))
    if spec.frames:  # A frame without a target is class -1 and cannot be right.
        return float((scores.argmax(-1) == targets).sum() / (targets >= 0).sum())
    if spec.monitor == 'accuracy':
        return float((scores.argmax(-1) == targets).mean())
    if spec.monitor == 'r2':
        return sklearn.metrics.r2_score(targets, scores)
    if spec.monitor == 'weighted_score':
        pairs = zip(targets, scores.argmax(-1))
        return float(np.mean([mir_eval.key.weighted_score(KEYS[r], KEYS[e]) for r, e in pairs]))
    targets = np.asarray(targets)
    tags = np.flatnonzero((targets.sum(0) > 0) & (targets.sum(0) < len(targets)))
    name = {'roc_auc': 'roc_auc_score', 'ap': 'average_precision_score'}[spec.monitor]
    return getattr(sklearn.metrics, name)(targets[:, tags], scores[:, tags], average='macro')


def judge(spec, logits, split):
    """(monitor, ensemble) of a split's row logits; the first of equal ensembles."""
    by_name = item_scores(spec, logits, split)
    if spec.kind != 'key':
        return monitor(spec, by_name[''], split.targets), ''
    key_score = [
        np.mean(
            [
                mir_eval.key.weighted_score(KEYS[r], KEYS[e])
                for r, e in zip(split.targets, s.argmax(-1))
            ]
        )
        for s in by_name.values()
    ]
    best = list(by_name)[int(np.argmax(key_score))]
    scores = by_name['gmean'] if spec.monitor == 'loss' else by_name[best]
    return monitor(spec, scores, split.targets), best


def fit(spec, layer_widths, train, valid, test, source, rate, seed, max_steps=None) -> Outcome:
    """Trains one probe; with `max_steps` stops after so many steps, for the losses alone."""
    torch.set_num_threads(1)  # The problems are small; a pool of threads only waits.
    x, train = features(spec, layer_widths, source, train)
    x_valid, valid = features(spec, layer_widths, source, valid)
    x_test, test = features(spec, layer_widths, source, test)
    origin = draws.Origin(spec.root_seed, spec.task, seed)
    key = draws.dropout_key(origin)
    mixed = len(source.layers) if source.learned else 0
    params = heads.init(origin, x.shape[-1], spec.hidden, spec.outputs, mixed=mixed)
    params = heads.init(origin, x.shape[-1], spec.hidden, spec.outputs, mixed=mixed)
    probe = Probe(params, spec.dropout)
    optimizer = torch.optim.Adam(probe.parameters(), lr=rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode='max' if spec.higher_is_better else 'min',
        factor=spec.plateau_factor,
        patience=spec.plateau_patience,
    )
    n, losses = len(train.first), []
    most = spec.batch_items * int(train.count.max())
    best, best_epoch, waited, kept = None, -1, 0, (probe.state_dict(), '')
    for epoch in range(spec.epochs):
        order = draws.order(origin, epoch, n)
        for step in range(math.ceil(n / spec.batch_items)):
            items = order[step * spec.batch_items : (step + 1) * spec.batch_items]
            rows = [r for item in items for r in rows_of(train, item)]
            if spec.frames:
                wanted = train.targets[rows]
            else:
                wanted = np.repeat(train.targets[items], train.count[items], axis=0)
            keeps = [
                # Drawn at one shape, as jax compiles every shape; rows lead, so this is the same.
                KEEP(key, epoch, step, i, (most, width), spec.dropout)[: len(rows)]
                for i, width in enumerate(spec.hidden)
            ]
            optimizer.zero_grad()
            loss = loss_of(spec, probe(x[rows], keeps if spec.dropout else None), wanted)
            if spec.l2:
                loss = loss + penalty(spec, probe)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if len(losses) == max_steps:
                return Outcome(-1, 0, 0.0, '', *_logits(probe, x_valid, x_test), None, losses)
        with torch.no_grad():
            value, ensemble = judge(spec, probe(x_valid).numpy(), valid)
            if spec.l2 and spec.monitor == 'loss':
                value += float(penalty(spec, probe))
        plateau.step(value)
        if best is None or (value > best if spec.higher_is_better else value < best):
            best, best_epoch, waited = value, epoch, 0
            kept = ({k: v.clone() for k, v in probe.state_dict().items()}, ensemble)
        else:
            waited += 1
        if waited >= spec.stop_patience:
            break
    probe.load_state_dict(kept[0])
    valid_rows, test_rows = _logits(probe, x_valid, x_test)
    return Outcome(
        best_epoch=best_epoch,
        epochs_run=epoch + 1,
        best_monitor=best,
        ensemble=kept[1],
        valid_logits=item_scores(spec, valid_rows, valid)[kept[1]],
        test_logits=item_scores(spec, test_rows, test)[kept[1]],
        mix_weights=None if probe.mix is None else torch.softmax(probe.mix, 0).detach().numpy(),
        losses=losses,
    )


def _logits(probe, *splits):
    with torch.no_grad():
        return [probe(x).numpy() for x in splits]
