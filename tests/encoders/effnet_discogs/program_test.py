import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.effnet_discogs import program
from jaxprobe.encoders.effnet_discogs.inlining import Flat, Ref, Step

FLOAT32 = precision('float32')
KERNEL = np.arange(6, dtype=np.float32).reshape(3, 2)
MEL = np.arange(6, dtype=np.float32).reshape(2, 3)


def step(name, op, *inputs, **attrs):
    return Step(name, op, tuple(i if isinstance(i, Ref) else Ref(i) for i in inputs), attrs)


def const(name, value):
    return step(name, 'Const', value=np.asarray(value))


def flat(*steps):
    return Flat({s.name: s for s in steps}, {})


def graph():
    """relu(mel @ transposed kernel) + 1, and beside it what nobody asks for."""
    return flat(
        step('end', 'Add', 'relu', 'one'),
        step('relu', 'Relu', 'product'),
        step('product', 'MatMul', 'mel', 'turned'),
        step('turned', 'Transpose', 'kernel', 'order'),
        const('kernel', KERNEL.T),
        const('order', [1, 0]),
        const('one', np.float32(1)),
        const('unused', np.float32(2)),
        step('strange', 'Lu', 'kernel'),
        step('mel', 'Placeholder', shape=(64, 3)),
    )


def test_a_program_holds_what_is_needed_in_order():
    made = program.prepare(graph(), [Ref('end')], 'x.pb')
    assert [s.name for s in made.steps] == ['turned', 'product', 'relu', 'end']
    assert sorted(made.weights) == ['kernel', 'one']
    assert sorted(made.numbers) == ['order']
    assert made.left == ('unused',)
    assert (made.feed, made.shape, made.baked) == ('mel', (64, 3), 64)


def test_run_computes_any_of_the_tensors():
    made = program.prepare(graph(), [Ref('end')], 'x.pb')
    params = program.parameters(made, FLOAT32)
    wanted = [Ref('end'), Ref('product')]
    run = jax.jit(lambda p, mel: program.run(made, p, mel, wanted, FLOAT32))
    end, product = run(params, MEL)
    np.testing.assert_array_equal(product, MEL @ KERNEL)
    np.testing.assert_array_equal(end, np.maximum(MEL @ KERNEL, 0) + 1)
    doubled = run({**params, 'kernel': 2 * params['kernel']}, MEL)[1]
    np.testing.assert_array_equal(doubled, 2 * (MEL @ KERNEL))


def test_kernels_are_found_behind_what_only_moves_them():
    made = program.prepare(graph(), [Ref('end')], 'x.pb')
    assert program.kernels(made) == {'kernel'}
    params = program.parameters(made, precision('bfloat16'))
    assert params['kernel'].dtype == jnp.bfloat16
    assert params['one'].dtype == jnp.float32


def test_a_batch_of_any_size_is_not_baked():
    made = program.prepare(flat(step('mel', 'Placeholder', shape=(-1, 3))), [Ref('mel')], '')
    assert made.baked == 0


def test_all_unknown_operations_are_named_at_once():
    steps = [step('a', 'Zeta', 'mel'), step('b', 'Lu', 'a'), step('mel', 'Placeholder')]
    with pytest.raises(WeightsError, match='x.pb cannot be run: 2 operations(.|\n)*Lu, Zeta'):
        program.prepare(flat(*steps), [Ref('b')], 'x.pb')


@pytest.mark.parametrize(
    ('steps', 'seen'),
    [
        ([step('a', 'Add', 'm', 'n'), step('m', 'Placeholder'), step('n', 'Placeholder')], '2 in'),
        ([const('a', 1.0)], r'0 inputs \(none\)'),
        ([step('a', 'Relu', 'b')], "'b' is read and is not there"),
        ([step('a', 'Relu', 'b'), step('b', 'Relu', 'a')], 'is computed from itself'),
    ],
)
def test_graphs_that_cannot_be_prepared(steps, seen):
    with pytest.raises(WeightsError, match=seen):
        program.prepare(flat(*steps), [Ref('a')], 'x.pb')


@pytest.mark.parametrize(
    ('last', 'seen'),
    [
        (step('a', 'Relu', Ref('mel', 1)), 'reads output 1 of mel'),
        (step('a', 'Cast', 'mel', DstT=20), 'casts to TensorFlow type 20'),
        (step('a', 'MatMul', 'mel', 'one'), r'for 2 rows: a \(MatMul\) of \(2, 3\), \(5, 5\)'),
    ],
)
def test_nodes_that_cannot_be_run_are_named(last, seen):
    one = const('one', np.ones((5, 5), np.float32))
    made = program.prepare(flat(last, one, step('mel', 'Placeholder')), [Ref('a')], 'x.pb')
    with pytest.raises(WeightsError, match=seen):
        program.run(made, program.parameters(made, FLOAT32), jnp.asarray(MEL), [Ref('a')], FLOAT32)


def test_a_step_may_read_one_tensor_twice():
    made = program.prepare(
        flat(step('a', 'Mul', 'mel', 'mel'), step('mel', 'Placeholder')), [Ref('a'), Ref('a')], ''
    )
    assert [s.name for s in made.steps] == ['a']
