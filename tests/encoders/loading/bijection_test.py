import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.bijection import fill

TEMPLATE = {'a/kernel': (3, 2), 'a/bias': (2,)}
MAPPING = {'a/kernel': ('fc.weight', np.transpose), 'a/bias': ('fc.bias', None)}


def tensors(**changes):
    found = {
        'fc.weight': np.arange(6, dtype=np.float32).reshape(2, 3),
        'fc.bias': np.ones(2, np.float32),
        'head.weight': np.zeros((4, 4), np.float32),
    }
    found.update({name.replace('__', '.'): value for name, value in changes.items()})
    return {name: value for name, value in found.items() if value is not None}


def test_fill_renames_and_transforms():
    filled = fill(TEMPLATE, tensors(), MAPPING, {'head.*': 'pre-training target'}, 'x.pt')
    assert list(filled) == ['a/kernel', 'a/bias']
    np.testing.assert_array_equal(filled['a/kernel'], [[0, 3], [1, 4], [2, 5]])


def test_fill_combines_several_tensors_in_the_order_named():
    mapping = {'w': (('g', 'v'), lambda g, v: g[:, None] * v)}
    filled = fill(
        {'w': (2, 3)}, {'v': np.ones((2, 3)), 'g': np.array([2.0, 3.0])}, mapping, {}, 'x'
    )
    np.testing.assert_array_equal(filled['w'], [[2, 2, 2], [3, 3, 3]])


def test_fill_reports_every_mismatch_in_one_sorted_error():
    broken = tensors(
        fc__bias=None, fc__weight=np.zeros((2, 9)), zz=np.zeros(1), aa=np.zeros((5, 6))
    )
    with pytest.raises(WeightsError) as caught:
        fill(TEMPLATE, broken, MAPPING, {'head.*': 'unused'}, 'x.pt')
    text = str(caught.value)
    assert 'x.pt' in text
    assert 'fc.bias (for a/bias (2,))' in text
    assert text.index('aa (5, 6)') < text.index('zz (1,)')
    assert 'fc.weight (2, 9) gives (9, 2), but a/kernel needs (3, 2)' in text
    assert 'head.weight' not in text


def test_fill_takes_a_rank_that_the_transform_refuses_for_a_wrong_shape():
    mapping = {'w': ('w', lambda w: np.transpose(w, (2, 1, 0)))}
    with pytest.raises(WeightsError, match=r'w \(4,\), but w needs \(1, 2, 3\)'):
        fill({'w': (1, 2, 3)}, {'w': np.zeros(4)}, mapping, {}, 'x')


def test_fill_an_undeclared_extra_tensor_is_an_error():
    with pytest.raises(WeightsError, match=r'1 unexpected:\n  head.weight \(4, 4\)'):
        fill(TEMPLATE, tensors(), MAPPING, {}, 'x.pt')


def test_fill_says_what_the_file_looks_like_only_when_it_does_not_fit():
    def name(found):
        return 'the fine-tuned sibling' if 'zz' in found else None

    dropped = {'head.*': 'unused'}
    assert fill(TEMPLATE, tensors(), MAPPING, dropped, 'x.pt', name)
    with pytest.raises(WeightsError, match='It looks like the fine-tuned sibling'):
        fill(TEMPLATE, tensors(zz=np.zeros(1)), MAPPING, dropped, 'x.pt', name)


def test_fill_a_long_list_is_counted():
    many = tensors(**{f'extra{i:03d}': np.zeros(1) for i in range(100)})
    with pytest.raises(WeightsError, match=r'101 unexpected(.|\n)*and 61 more'):
        fill(TEMPLATE, many, MAPPING, {}, 'x.pt')


def test_fill_a_mapping_of_other_leaves_is_our_own_fault():
    with pytest.raises(ValueError, match='a/bias'):
        fill({'a/kernel': (3, 2)}, tensors(), MAPPING, {}, 'x.pt')
