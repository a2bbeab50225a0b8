import weakref

import jax
import ml_dtypes
import numpy as np

from jaxprobe.encoders.loading import streamed

GROUPS = [{'w': [f'{g}.a.w', f'{g}.b.w'], 'b': [f'{g}.a.b', f'{g}.b.b']} for g in range(3)]


def tensors(dtype=np.float16):
    r = np.random.RandomState(0)
    found = {}
    for group in range(3):
        for member in 'ab':
            found[f'{group}.{member}.w'] = r.standard_normal((4, 3)).astype(dtype)
            found[f'{group}.{member}.b'] = r.standard_normal(3).astype(np.float32)
    return found


def test_tensors_lie_where_their_names_say():
    held, _ = streamed.stack(tensors, GROUPS, {'w': None, 'b': np.float32})
    assert held['w'].shape == (3, 2, 4, 3)
    assert held['b'].shape == (3, 2, 3)
    for name, tensor in tensors().items():
        group, member, leaf = name.split('.')
        np.testing.assert_array_equal(held[leaf][int(group), 'ab'.index(member)], tensor)


def test_dtypes_are_the_tensors_own_or_those_asked_for():
    held, _ = streamed.stack(tensors, GROUPS, {'w': None, 'b': ml_dtypes.bfloat16})
    assert held['w'].dtype == np.float16
    assert held['b'].dtype == ml_dtypes.bfloat16


def test_strided_tensors():
    """As a file may hold them; the digest is of the numbers, not of their order in the file."""
    turned = {n: np.asfortranarray(t) for n, t in tensors().items()}
    plain, one = streamed.stack(tensors, GROUPS, {'w': None, 'b': None})
    held, other = streamed.stack(lambda: turned, GROUPS, {'w': None, 'b': None})
    np.testing.assert_array_equal(held['w'], plain['w'])
    assert one == other


def test_digest_is_of_every_bit_as_the_file_has_it():
    def digest(change=None, dtypes=None):
        found = tensors()
        if change:
            found[change] = found[change].copy()
            found[change].view(np.uint8).flat[0] ^= 1
        return streamed.stack(lambda: found, GROUPS, dtypes or {'w': None, 'b': None})[1]

    whole = digest()
    assert digest(dtypes={'w': np.float32, 'b': None}) == whole
    assert len({whole, *(digest(name) for name in tensors())}) == 13


def test_one_group_of_the_file_is_held_at_a_time():
    """A mapping that is still alive keeps all pages it has touched."""
    holders, gone = [], []

    def source():
        gone.extend(ref() is None for ref in holders)
        found = {name: np.array(tensor) for name, tensor in tensors().items()}
        holders.extend(weakref.ref(tensor) for tensor in found.values())
        return found

    streamed.stack(source, GROUPS, {'w': None, 'b': None})
    assert len(holders) == 3 * 12
    assert len(gone) == 12 + 24
    assert all(gone)


def test_a_stack_is_filled_in_place():
    stack = jax.numpy.zeros((2, 2, 64, 64))
    address = stack.unsafe_buffer_pointer()
    filled = streamed._filled(stack, np.ones((64, 64), np.float32), 1, 0)
    assert stack.is_deleted()
    assert filled.unsafe_buffer_pointer() == address
    assert float(filled.sum()) == 64 * 64
