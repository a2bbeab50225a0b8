import pytest

from jaxprobe.stages.difference import values


def found(a, b):
    return {c['what']: (c['a'], c['b']) for c in values.changes('numbers', 'x', a, b)}


def test_equal_values_have_no_changes():
    same = {'a': [1, {'b': None}], 'c': {'d': 1.5}}
    assert found(same, {'c': {'d': 1.5}, 'a': [1, {'b': None}]}) == {}


def test_leaves_are_named_by_their_path():
    assert found({'a': {'b': 1, 'c': 2}}, {'a': {'b': 1, 'c': 3}}) == {'a.c': (2, 3)}
    assert found({'a': 1}, {'b': 1}) == {'a': (1, 'absent'), 'b': ('absent', 1)}
    assert found({'a': [1, 2]}, {'a': [1, 2, 3]}) == {'a': ([1, 2], [1, 2, 3])}
    assert found({'a': 1}, {'a': True}) == {'a': (1, True)}


def test_rows_are_matched_by_name_not_by_place():
    rows = [{'source': 'a', 'test': 1}, {'source': 'b', 'test': 2}]
    other = [{'source': 'b', 'test': 3}]
    assert found({'layers': rows}, {'layers': other}) == {
        'layers.a': ({'source': 'a', 'test': 1}, 'absent'),
        'layers.b.test': (2, 3),
    }
    grid = [{'source': s, 'learning_rate': r, 'test': 1} for s in 'ab' for r in (1, 2)]
    moved = [row | {'test': 5} if row['source'] == 'b' else row for row in grid]
    assert set(found(grid, moved)) == {'.b/1.test', '.b/2.test'}
    assert found([{'x': 1}, {'x': 1}], [{'x': 1}, {'x': 2}]) == {'.1.x': (1, 2)}


def test_a_number_brings_the_intervals_beside_it():
    a, b = ({'value': v, 'ci95': [v - 0.1, v + 0.1], 'seed_std': 0.0} for v in (0.5, 0.55))
    (one,) = values.changes('numbers', '', a, b)
    assert (one['what'], one['ci95_a']) == ('value', [0.4, 0.6])
    assert one['difference'] == pytest.approx(0.05)
    assert one['b_in_ci95_of_a'] is one['a_in_ci95_of_b'] is True
    (one,) = values.changes('numbers', '', a, b | {'ci95': [0.54, 0.56]})
    assert (one['b_in_ci95_of_a'], one['a_in_ci95_of_b']) == (True, False)
    (one,) = values.changes('numbers', '', a, b | {'ci95': None})
    assert one['a_in_ci95_of_b'] is None
    (one,) = values.changes('numbers', '', a, a | {'ci95': [0.3, 0.6]})
    assert one['what'] == 'ci95'  # The number is the same, its interval is not.


def test_pairs_and_papers_rows_are_told_apart():
    pairs = [{'a': 'x', 'b': b, 'p': 0.5, 'ci95': [0.0, 1.0]} for b in 'yz']
    (one,) = values.changes('numbers', '', pairs, [pairs[0], pairs[1] | {'p': 0.1}])
    assert one['what'] == '.x-z.p'
    assert 'ci95_a' not in one  # The interval is not of p.
    rows = [
        {'encoder': 'e', 'source': 's', 'table': t, 'variant': v, 'ours': 1.0}
        for t, v in (('1', 'a'), ('1', 'b'), ('2', 'a'))
    ]
    assert set(found(rows, [*rows[:2], rows[2] | {'ours': 2.0}])) == {'.e/s/2/a.ours'}


def test_numbers_are_told_from_truth_values():
    assert values.number(1.5)
    assert not values.number(True)
    assert not values.number('absent')
