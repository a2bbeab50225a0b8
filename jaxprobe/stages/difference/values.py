"""Two JSON values side by side: what differs, where, and whether an interval covers it."""

from collections.abc import Iterator, Mapping
from typing import Any

Change = dict[str, Any]
ABSENT = 'absent'

# What names an element of a list, so that it is found again at another place.
_NAMES = ('encoder', 'source', 'name', 'head', 'seconds', 'table', 'variant', 'metric')
_NAMES += ('learning_rate', 'code', 'label')
_MEASURED = ('value', 'test', 'ours', 'difference')  # What the interval in a row is of.


def change(part: str, where: str, what: str, a: Any, b: Any, **more: Any) -> Change:
    """One difference.

    Args:
        part: 'config', 'data', 'code', 'cells', 'numbers', or 'aside', which makes no difference.
        where: encoder/task, store, or file; '' for the whole run.
        what: the field.
        a, b: its values on either side; `ABSENT` where there is none.
        more: what else is known of it.
    """
    return {'part': part, 'where': where, 'what': what, 'a': a, 'b': b, **more}


def changes(part: str, where: str, a: Any, b: Any, what: str = '') -> Iterator[Change]:
    """Every leaf that differs between two JSON values.

    A number that has an interval beside it brings both intervals, the difference, and whether
    either interval holds the other's number.
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in [*a, *(key for key in b if key not in a)]:
            if key == 'ci95' and _numbers(a) != _numbers(b):
                continue  # Said with the number that it belongs to.
            name = f'{what}.{key}' if what else str(key)
            for found in changes(part, where, *_of(key, a, b), name):
                yield _with_intervals(found, a, b) if found['what'] == name else found
    elif isinstance(a, list) and isinstance(b, list) and (_tables(a) or _tables(b)):
        one, two = _named(a), _named(b)
        for key in [*one, *(key for key in two if key not in one)]:
            yield from changes(part, where, *_of(key, one, two), f'{what}.{key}')
    elif a != b or type(a) is not type(b):
        yield change(part, where, what, a, b)


def intervals(found: Change, ci95_a: list[Any] | None, ci95_b: list[Any] | None) -> Change:
    """Adds the difference of two numbers and what their intervals say of it."""
    a, b = found['a'], found['b']
    inside = {
        'b_in_ci95_of_a': None if not ci95_a else ci95_a[0] <= b <= ci95_a[1],
        'a_in_ci95_of_b': None if not ci95_b else ci95_b[0] <= a <= ci95_b[1],
    }
    return found | {'difference': b - a, 'ci95_a': ci95_a, 'ci95_b': ci95_b, **inside}


def number(value: Any) -> bool:
    """Whether a JSON value is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with_intervals(found: Change, a: Mapping[str, Any], b: Mapping[str, Any]) -> Change:
    whole = number(found['a']) and number(found['b'])
    measured = found['what'].rpartition('.')[2] in _MEASURED
    if not (whole and measured and 'ci95' in a and 'ci95' in b):
        return found
    return intervals(found, a['ci95'], b['ci95'])


def _of(key: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Any, Any]:
    return a.get(key, ABSENT), b.get(key, ABSENT)


def _numbers(row: Mapping[str, Any]) -> list[Any]:
    return [value for value in row.values() if number(value)]


def _tables(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)


def _named(values: list[Any]) -> dict[str, Any]:
    """The elements of a list by what names them, or by place where that is not unique."""
    for count in range(1, 6):
        names = ['/'.join(_words(value, count)) for value in values]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, values, strict=True))
    return {str(place): value for place, value in enumerate(values)}


def _words(value: Any, count: int) -> list[str]:
    if not isinstance(value, dict):
        return []
    pair = [f'{value["a"]}-{value["b"]}'] if 'a' in value and 'b' in value else []
    return [*pair, *(str(value[name]) for name in _NAMES if value.get(name) is not None)][:count]
