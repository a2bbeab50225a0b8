"""What a reader of a score must be told with it: one code and one sentence each.

Codes go into tables, sentences into the page; both are part of the result file.
"""

from typing import Any

FEW_CLUSTERS = 20  # Of fewer, coverage was not simulated (`benchmarks/coverage.py`).


def level(result: dict[str, Any]) -> dict[str, Any]:
    """Compares the main score with the best constant predictor."""
    main = result['main_score']
    constant = result['best_constant'][main['metric']]
    low = main['ci95'][0] if main['ci95'] else None
    return {
        'at_constant_level': main['value'] is not None and bool(main['value'] <= constant),
        'interval_reaches_constant': low is not None and bool(low <= constant),
    }


def warnings(result: dict[str, Any]) -> list[dict[str, str]]:
    """Collects everything that weakens a score, the gravest first."""
    found = [
        *_trials(result),
        *_level(result),
        *_undefined(result),
        *_decoding(result),
        *_grid(result),
        *_data(result),
        *_statistics(result),
    ]
    return [{'code': code, 'text': text} for code, text in found]


def _trials(result: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    if result.get('limit'):
        text = f'a trial on at most {result["limit"]} items per split: not a result'
        found.append(('limited', text))
    if result.get('random_weights'):
        found.append(('random', 'the encoder has random weights: a control, not a model'))
    return found


def _level(result: dict[str, Any]) -> list[tuple[str, str]]:
    main = result['main_score']
    if result['selected'] is None:
        return [('no score', 'every cell diverged: there is no score')]
    constant = f'{result["best_constant"][main["metric"]]:.4g}'
    if main['at_constant_level']:
        text = f'the score does not exceed the best constant answer ({constant})'
        return [('constant level', text)]
    if main['interval_reaches_constant']:
        return [('near constant', f'the interval reaches the best constant answer ({constant})')]
    return []


def _undefined(result: dict[str, Any]) -> list[tuple[str, str]]:
    found = result.get('metrics', {}).items()
    names = [name for name, of in found if of['value'] is None or of['value'] != of['value']]
    if not names:
        return []
    return [('undefined metric', f'{", ".join(names)}: not defined for the selected cell')]


def _decoding(result: dict[str, Any]) -> list[tuple[str, str]]:
    decoded = result.get('decoded') or 'all'
    return [] if decoded == 'all' else [('some cells', f'only these cells have scores: {decoded}')]


def _grid(result: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    if result['grid_edge']:
        alone = len(result['rates']['learning_rates']) == 1
        found.append(('one rate' if alone else 'grid edge', result['grid_edge']))
    found += _selection(result)
    if result['diverged']:
        text = f'{len(result["diverged"])} of {result["n_cells"]} cells diverged'
        found.append(('diverged', text))
    return found


def _selection(result: dict[str, Any]) -> list[tuple[str, str]]:
    found, ledger = [], result.get('ledger') or {}
    others = [text for text in ledger.get('warnings', []) if text != result['grid_edge']]
    if others:
        found.append(('source edges', '; '.join(others)))
    interval, regret = result['main_score']['ci95'], result.get('regret')
    half = (interval[1] - interval[0]) / 2 if interval else None
    if regret and half is not None and regret > half:
        text = (
            f'the test set prefers another candidate by {regret:.3g}, more than the {half:.3g} of '
            f'half the interval: validation judges poorly here'
        )
        found.append(('regret', text))
    pairs = (result.get('comparisons') or {}).get('pairs', [])
    chosen = (result['selected'] or {}).get('source')
    for pair in pairs:
        if pair['kind'] == 'mix' and pair['a'] == chosen and not _better(pair):
            text = f'the selected weighted sum is not shown to be better than {pair["b"]} alone'
            found.append(('sum not better', text))
    return found


def _better(pair: dict[str, Any]) -> bool:
    return bool(pair['significant']) and pair['difference'] > 0


def _data(result: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    missing = sum(len(ids) for ids in result.get('missing', {}).values())
    if missing:
        found.append(('missing items', f'{missing} items could not be read and are left out'))
    crossing = result.get('audit', {}).get('same_audio_across_splits', 0)
    if crossing:
        first = result['audit']['examples'][0]
        text = f'{crossing} items repeat audio of an earlier split, {first} first'
        found.append(('same audio', text))
    padded = result.get('padded_windows') or 0
    padded = sum(padded.values()) if isinstance(padded, dict) else padded
    rows = sum(result.get('rows', {}).values())
    if padded:
        of = f' of {rows}' if rows else ''
        text = f'{padded}{of} windows repeat an item that is shorter than a window'
        found.append(('padded windows', text))
    return found


def _statistics(result: dict[str, Any]) -> list[tuple[str, str]]:
    found, boot = [], result['bootstrap']
    what = 'groups' if boot['clustered'] else 'items'
    if boot['clusters'] < FEW_CLUSTERS:
        text = f'only {boot["clusters"]} independent test {what}: too few to trust the interval'
        found.append(('few groups', text))
    if result['main_score']['n_seeds'] == 1:
        found.append(('one seed', 'one seed: the spread over seeds is unknown'))
    return found
