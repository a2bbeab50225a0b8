from collections import Counter

from jaxprobe.tasks import drawn


def test_parts_are_fixed_and_in_proportion():
    parts = Counter(drawn.part(f'artist {k}') for k in range(2000))
    assert abs(parts['train'] - 1600) < 60
    assert abs(parts['valid'] - 200) < 50
    assert [drawn.part(name) for name in ('a', 'd', 'f')] == ['train', 'valid', 'test']
