"""One block's programs against the same thing done for one cell without them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxprobe.probes import block, cells, data, heads, losses, packing
from jaxprobe.probes.schedule import Patience
from tests.probes import made

SPEC = made.spec(seeds=2, learning_rates=(1e-3, 1e-2))
SPLIT = made.split('multiclass', 30, 0)
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=80)
PATIENCE = Patience(True, 1, 0.5, 4, 8)


def recipe(family):
    return block.Recipe(
        'multiclass', 0.2, 'accuracy', 'logits', PATIENCE, PLAN.families[family].mixed
    )


def segment():
    sizes = data.layout(SPEC, SPLIT, 1e9)
    feed = data.resident(SPEC, PLAN, (SPLIT, SPLIT, SPLIT), sizes, 64)
    return next(iter(feed.segments(0, made.SEEDS)))


def alone(start, rate, view, seed, family, steps, given):
    """The same steps for one cell: plain value_and_grad and optax.adam, no vmap."""
    mixed = PLAN.families[family].mixed
    adam = optax.adam(float(rate))

    @jax.jit
    def step(params, state, x, keeps, wanted):
        def loss(params):
            logits = heads.apply(params, heads.blend(params, x), keeps, 0.2)
            return jnp.mean(losses.per_row('multiclass', logits, wanted))

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = adam.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    params, state, total = start, adam.init(start), 0.0
    for i in range(steps):
        n = int(given.batches.n_rows[seed, i])
        rows = np.asarray(given.batches.rows[seed, i, :n])
        wanted = SPLIT.targets[np.asarray(given.batches.items[seed, i, :n])]
        views = np.array(mixed or [int(view)])
        x = np.asarray(given.data[20])[views[:, None], rows[None, :]]
        keeps = tuple(np.asarray(mask)[seed, i, :n] for mask in given.batches.keeps)
        params, state, value = step(params, state, x, keeps, wanted)
        total += float(value)
    return params, total


def test_train_is_each_cell_alone():
    given = segment()
    for family in (0, 1):
        made_block = packing.pack(SPEC, PLAN, family, np.arange(20), 3, PATIENCE, made.SEEDS)[1]
        cell = made_block.cells[2]
        start = jax.tree.map(lambda leaf: np.asarray(leaf)[2], made_block.block.learner.params)
        b = made_block.block
        learner = block.train(
            b.learner,
            b.kept.schedule.rate,
            b.view,
            b.seed,
            given.data[20],
            jnp.asarray(SPLIT.targets),
            given.batches,
            2,
            recipe=recipe(family),
        )
        seed, rate = int(PLAN.cells.seed[cell]), PLAN.cells.rate[cell]
        params, total = alone(start, rate, PLAN.cells.view[cell], seed, family, 2, given)
        np.testing.assert_allclose(learner.loss[2], total, atol=1e-6)
        for found, expected in zip(jax.tree.leaves(learner.params), jax.tree.leaves(params)):
            np.testing.assert_allclose(found[2], expected, atol=2e-5)


def test_forward_judge_and_item_scores():
    packed = packing.pack(SPEC, PLAN, 0, np.arange(20), 3, PATIENCE, made.SEEDS)[0]
    params = jax.tree.map(np.asarray, packed.block.learner.params)
    chunks = [
        block.forward(params, packed.block.view, jnp.asarray(v[0][20]), recipe=recipe(0))
        for v in data.chunk_views(SPLIT, PLAN, 32)
    ]
    ragged = data.ragged(SPLIT)
    ensemble = jnp.zeros(3, jnp.int32)
    found = block.item_scores(
        tuple(chunks), ensemble, ragged.first, ragged.count, recipe=recipe(0), most=ragged.most
    )
    first = jax.tree.map(lambda leaf: leaf[0], params)
    views = cells.read_views(SPLIT.groups, PLAN)[20]
    rows = np.asarray(heads.apply(first, jnp.asarray(views[int(packed.block.view[0])])))
    expected = [rows[a : a + n].mean(0) for a, n in zip(SPLIT.first, SPLIT.count)]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    better = jax.tree.map(lambda leaf: jnp.asarray(leaf + 1), params)
    kept = block.judge(
        packed.block.kept,
        better,
        jnp.asarray([1.0, jnp.nan, 1.0]),
        tuple(chunks),
        jnp.asarray(SPLIT.targets),
        ragged.first,
        ragged.count,
        recipe=recipe(0),
        most=ragged.most,
    )
    accuracy = (np.asarray(found).argmax(-1) == SPLIT.targets[None, :]).mean(-1)
    np.testing.assert_allclose(kept.schedule.best[0], accuracy[0], atol=1e-6)
    assert kept.schedule.diverged.tolist() == [False, True, False]
    weight, new = kept.params['layers'][0]['weight'], better['layers'][0]['weight']
    np.testing.assert_array_equal(weight[0], new[0])
    np.testing.assert_array_equal(weight[1], params['layers'][0]['weight'][1])
