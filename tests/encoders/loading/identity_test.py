import numpy as np

from jaxprobe.encoders.loading.identity import tensors_sha256


def test_tensors_sha256_ignores_order_and_memory_layout():
    a, b = np.arange(6.0).reshape(2, 3), np.ones(2, np.float32)
    turned = np.ascontiguousarray(a.T).T
    assert tensors_sha256({'a': a, 'b': b}) == tensors_sha256({'b': b, 'a': turned})


def test_tensors_sha256_sees_values_names_shapes_and_types():
    a = np.zeros((2, 3), np.float32)
    changed = a.copy()
    changed[1, 2] = 1e-30
    others = [{'b': a}, {'a': a.T}, {'a': a.astype(np.int32)}, {'a': changed}, {'a': a, 'b': a}]
    digests = {tensors_sha256(tensors) for tensors in [{'a': a}, *others]}
    assert len(digests) == 6
