"""A difference in words, for a terminal."""

from typing import Any

from jaxprobe.stages.difference.values import Change

SHOWN = 20  # Changes printed per part; `--json` has all.
WIDTH = 60  # Of a printed value.

TITLES = {
    'config': 'config',
    'data': 'data',
    'code': 'code and weights',
    'cells': 'cells',
    'numbers': 'numbers',
    'aside': 'aside (changes no number)',
}


def text(found: dict[str, Any]) -> str:
    """Every part that has changes, the first of them in full, and a verdict."""
    lines = [f'A: {found["a"]}', f'B: {found["b"]}']
    for part, title in TITLES.items():
        own = [one for one in found['changes'] if one['part'] == part]
        if own:
            lines += ['', f'{title}: {len(own)}', *(f'  {_line(one)}' for one in own[:SHOWN])]
        if len(own) > SHOWN:
            lines.append(f'  and {len(own) - SHOWN} more (--json has all)')
    parts = [part for part in TITLES if part != 'aside']
    counts = {p: sum(one['part'] == p for one in found['changes']) for p in parts}
    said = ', '.join(f'{count} in {part}' for part, count in counts.items() if count)
    return '\n'.join([*lines, '', f'different: {said}.' if said else 'no difference.'])


def _line(one: Change) -> str:
    where = f'{one["where"]}: ' if one['where'] else ''
    values = f'{_short(one["a"])} -> {_short(one["b"])}'
    return f'{where}{one["what"]}: {values}{_more(one)}'


def _more(one: Change) -> str:
    said = []
    if 'difference' in one:
        said.append(f'{one["difference"]:+.4g}')
        said += [f'A {_interval(one["ci95_a"])}', f'B {_interval(one["ci95_b"])}']
        said.append(_inside(one))
    if 'p' in one:
        said.append(f'paired {_interval(one["difference_ci95"])}, p {one["p"]:.3g}')
    if 'differing' in one:
        said.append(f'{one["differing"]} of {one["of"]} values')
    if one.get('largest') is not None:
        said.append(f'largest difference {one["largest"]:.3g}')
    if 'count' in one:
        said.append(f'{one["count"]} in all')
    return f' ({"; ".join(said)})' if said else ''


def _inside(one: Change) -> str:
    held = one['b_in_ci95_of_a'], one['a_in_ci95_of_b']
    if None in held:
        return 'no interval'
    if all(held):
        return 'within both intervals'
    return 'within one interval' if any(held) else 'OUTSIDE both intervals'


def _interval(ci95: list[Any] | None) -> str:
    return '-' if ci95 is None else f'[{ci95[0]:.4g}, {ci95[1]:.4g}]'


def _short(value: Any) -> str:
    shown = f'{value:.6g}' if isinstance(value, float) else str(value)
    return shown if len(shown) <= WIDTH else f'{shown[: WIDTH - 3]}...'
