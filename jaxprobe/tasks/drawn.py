"""Parts drawn from a name, for collections that have none: always the same, on every machine."""

import hashlib


def part(name: str) -> str:
    """8 of 10 names train, one validates, one is the test: by sha1.

    >>> [part(name) for name in ('a', 'd', 'f')]
    ['train', 'valid', 'test']
    """
    number = int(hashlib.sha1(name.encode()).hexdigest(), 16) % 10
    return {8: 'valid', 9: 'test'}.get(number, 'train')
