import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.effnet_discogs import architecture
from jaxprobe.encoders.loading import frozen_graph

B0 = architecture.resolve('', 400)


def test_b0_has_the_published_number_of_values():
    constants = frozen_graph.constants(architecture.graph(B0, 64, 0, 'x'))
    weights = {name: v for name, v in constants.items() if v.dtype == np.float32}
    # spec/encoders_cnn.md 7, counted from the published files' sizes.
    below = sum(v.size for name, v in weights.items() if 'styles' not in name)
    assert below == 4_048_988
    assert weights['effnet/styles/kernel'].shape == (1280, 400)


def test_names_and_ends_of_the_stages():
    assert B0.names == tuple(f'block{n}' for n in ['1a', '2b', '3b', '4c', '5c', '6d', '7a'])
    assert B0.ends == (0, 2, 4, 7, 10, 14, 15)
    assert B0.blocks == 16


def test_weights_follow_seed_and_name():
    tiny = architecture.resolve('tiny', 400)
    one, same, other, third = (
        frozen_graph.constants(architecture.graph(tiny, 64, seed, name))
        for seed, name in ((1, 'a'), (1, 'a'), (2, 'a'), (1, 'b'))
    )
    kernel = 'effnet/block4b_expand/kernel'
    np.testing.assert_array_equal(one[kernel], same[kernel])
    assert (one[kernel] != other[kernel]).all()
    assert (one[kernel] != third[kernel]).all()


def test_an_unknown_architecture_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'tiny'"):
        architecture.resolve('tinny', 400)
