"""Scoring cells on the rows of a split, and writing down what came of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from jaxprobe.probes import block
from jaxprobe.probes.cells import Plan
from jaxprobe.probes.data import Views
from jaxprobe.probes.items import Ragged
from jaxprobe.probes.mesh import ONE, Placement
from jaxprobe.probes.packing import Retired
from jaxprobe.probes.schedule import Either
from jaxprobe.probes.spec import ENSEMBLES, BankSpec, Take


class Judged(NamedTuple):
    """A split that is scored: its targets, its item table and its rows in chunks."""

    targets: Shaped[Array, 'N *outputs']
    ragged: Ragged
    chunks: Callable[[], Iterator[Views]]


def score_rows(
    plan: Plan,
    recipes: tuple[block.Recipe, ...],
    split: Judged,
    params: Mapping[int, list[Any]],
    views: Mapping[int, Sequence[Int[Either, 'P']]],
) -> dict[int, list[list[Float[Array, 'P R C']]]]:
    """Scores all rows of a split; the rows pass by once, whatever the number of blocks.

    Args:
        plan, recipes: of the bank.
        split: what to score.
        params: family -> the parameters of each of its blocks.
        views: family -> which view each cell of those blocks reads.

    Returns:
        Family -> for each block, its scores of every chunk of rows.
    """
    out: dict[int, list[list]] = {family: [[] for _ in many] for family, many in params.items()}
    for chunk in split.chunks():
        for family, many in params.items():
            rows = chunk[plan.families[family].pad]
            for mine, p, view in zip(out[family], many, views[family]):
                mine.append(block.forward(p, view, rows, recipe=recipes[family]))
    return out


def blank(
    spec: BankSpec, plan: Plan, judged: Mapping[str, Judged], *, held: bool = True
) -> dict[str, Any]:
    """A `BankResult`, as a dict, with its axes filled in and its outcomes still open.

    Where scores are not `held`, their arrays have no items.
    """
    table, n_cells = plan.cells, len(plan.cells.source)
    items = {name: len(split.targets) if held else 0 for name, split in judged.items()}
    logits = {name: (n_cells, n, spec.outputs) for name, n in items.items()}
    shapes = {
        'valid_logits': logits.pop('valid'),
        'test_logits': logits.pop('test'),
        'mix_weights': (n_cells, len(plan.layer_widths)),
        'best_monitor': (n_cells,),
    }
    place = np.arange(n_cells) // spec.seeds % len(spec.learning_rates)
    return {
        'source': tuple(spec.sources[s].name for s in table.source),
        'learning_rate': np.array(spec.learning_rates)[place],
        'seed': table.seed.copy(),
        'best_epoch': np.full(n_cells, -1),
        'epochs_run': np.zeros(n_cells, int),
        'diverged': np.zeros(n_cells, bool),
        'ensemble': ('',) * n_cells,
        **{name: np.full(shape, np.nan, np.float32) for name, shape in shapes.items()},
        'also_logits': {name: np.full(shape, np.nan, np.float32) for name, shape in logits.items()},
    }


def fill(
    result: dict[str, Any],
    spec: BankSpec,
    plan: Plan,
    recipes: tuple[block.Recipe, ...],
    judged: Mapping[str, Judged],
    retired: Retired,
    take: Take | None = None,
    placement: Placement = ONE,
) -> None:
    """Scores finished cells of one family at their best epoch, for the result or the taker."""
    ids, kept = retired
    family = int(plan.cells.family[ids[0]])
    state = kept.schedule
    result['best_epoch'][ids] = state.best_epoch
    result['epochs_run'][ids] = state.epochs
    result['diverged'][ids] = state.diverged
    result['best_monitor'][ids] = np.where(state.best_epoch >= 0, state.best, np.nan)
    params = {family: [placement.cells(kept.params)]}
    views = {family: [plan.cells.view[ids]]}
    for name, split in judged.items():
        chunks = score_rows(plan, recipes, split, params, views)[family][0]
        found = block.item_scores(
            tuple(chunks),
            kept.ensemble,
            split.ragged.first,
            split.ragged.count,
            recipe=recipes[family],
            most=split.ragged.most,
        )
        found = placement.host(found)
        if take is not None:
            take(ids, name, found)
        elif name in result['also_logits']:
            result['also_logits'][name][ids] = found
        else:
            result[f'{name}_logits'][ids] = found
    if spec.kind == 'key':
        names = dict(zip(ids.tolist(), (ENSEMBLES[int(e)] for e in kept.ensemble)))
        old = enumerate(result['ensemble'])
        result['ensemble'] = tuple(names.get(cell, name) for cell, name in old)
    if recipes[family].mixed:
        weights = np.asarray(jax.nn.softmax(jnp.asarray(kept.params['mix']), axis=-1))
        for cell, row in zip(ids, weights):
            layers = spec.sources[plan.cells.source[cell]].layers
            result['mix_weights'][cell, list(layers)] = row
