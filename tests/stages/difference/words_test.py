from jaxprobe.stages.difference import words
from jaxprobe.stages.difference.values import change, intervals


def said(*changes):
    return words.text({'a': 'runs/a', 'b': 'runs/b', 'same': not changes, 'changes': [*changes]})


def test_nothing_differs():
    assert said().splitlines()[-1] == 'no difference.'


def test_parts_are_counted_and_cut():
    many = [change('cells', 'e/t', f'logit {k}', 0.1, 0.2, differing=1, of=9) for k in range(30)]
    text = said(change('config', '', 'seed', 0, 1), *many, change('aside', '', 'host', 'x', 'y'))
    assert '  seed: 0 -> 1' in text
    assert 'cells: 30' in text
    assert 'and 10 more (--json has all)' in text
    assert 'e/t: logit 0: 0.1 -> 0.2 (1 of 9 values)' in text
    assert text.splitlines()[-1] == 'different: 1 in config, 30 in cells.'
    assert said(change('aside', '', 'host', 'x', 'y')).endswith('no difference.')


def test_a_score_says_whether_it_matters():
    one = intervals(change('numbers', 'e/t', 'acc', 0.5, 0.6), [0.45, 0.55], [0.55, 0.65])
    text = said(one | {'difference_ci95': [0.02, 0.18], 'p': 0.0123})
    assert '+0.1; A [0.45, 0.55]; B [0.55, 0.65]; OUTSIDE both' in text
    assert 'paired [0.02, 0.18], p 0.0123' in text
    assert 'within both' in said(intervals(change('numbers', '', 'x', 1, 1.1), [0, 2], [0, 2]))
    assert 'within one' in said(intervals(change('numbers', '', 'x', 1, 1.1), [0, 2], [1.05, 2]))
    assert 'no interval' in said(intervals(change('numbers', '', 'x', 1, 1.1), None, None))


def test_long_values_are_cut():
    line = said(change('data', 'e/t', 'items', ['x' * 99], 'absent', count=4, largest=0.5))
    assert '...' in line
    assert '(largest difference 0.5; 4 in all)' in line
