"""Finished cells are scored on further splits, of which training sees nothing."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.probes import bank
from tests.probes import made


@pytest.fixture(autouse=True)
def quick_compilation():
    before = jax.config.read('jax_disable_most_optimizations')
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', before)


@pytest.mark.parametrize(('kind', 'aggregation'), [('key', 'logits'), ('multilabel', 'embeddings')])
def test_further_splits_are_scored_as_the_test_split_is_and_change_nothing(kind, aggregation):
    spec = made.spec(kind, aggregation=aggregation, learning_rates=(1e-3,), seeds=2, epochs=3)
    spec = dataclasses.replace(spec, sources=spec.sources[2:3])
    train, valid, test = made.splits(kind)
    half = test._replace(
        first=test.first[::2], count=test.count[::2], targets=test.targets[::2]
    )  # The same rows, fewer items.
    without = bank.train(spec, made.WIDTHS, train, valid, test)
    found = bank.train(
        spec, made.WIDTHS, train, valid, test, also={'half': half, 'again': test, 'seen': valid}
    )
    assert list(found.also_logits) == ['half', 'again', 'seen']
    assert not without.also_logits
    np.testing.assert_array_equal(found.valid_logits, without.valid_logits)
    np.testing.assert_array_equal(found.test_logits, without.test_logits)
    np.testing.assert_array_equal(found.also_logits['again'], found.test_logits)
    np.testing.assert_array_equal(found.also_logits['seen'], found.valid_logits)
    np.testing.assert_allclose(found.also_logits['half'], found.test_logits[:, ::2], atol=1e-6)
    assert found.also_logits['half'].any(axis=(1, 2)).all()


def test_a_further_split_is_held_to_what_a_split_has_to_be():
    spec, parts = made.spec('multiclass'), made.splits('multiclass')
    with pytest.raises(ConfigError, match=r"named \['test'\]"):
        bank.train(spec, made.WIDTHS, *parts, also={'test': parts[2]})
    wrong = parts[2]._replace(targets=parts[2].targets[:-1])
    with pytest.raises(DataError, match="split 'noise:15'"):
        bank.train(spec, made.WIDTHS, *parts, also={'noise:15': wrong})
