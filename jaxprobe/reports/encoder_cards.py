"""What `jaxprobe ls encoders` says: a row per encoder, and one card in full. Reads cards only."""

import textwrap
from typing import Any

from jaxprobe.core.errors import JaxprobeError
from jaxprobe.core.text import table
from jaxprobe.encoders import base
from jaxprobe.encoders.base import Card, WeightsRef
from jaxprobe.encoders.loading import hub, wheel

_WIDTH = 100
# What the table shows of a row; programs get all of it.
_SHOWN = ('name', 'layers', 'width', 'rate_hz', 'window_s', 'gflop_per_s', 'parity', 'reference')
_SHOWN += ('weights', 'status')


def rows() -> list[dict[str, Any]]:
    """A row per registered encoder; one of another package that cannot be read says so."""
    found = []
    for name in sorted(base.ENCODERS):
        try:
            found.append(row(name, base.card(name)))
        except JaxprobeError as error:
            found.append(dict.fromkeys(found[0] if found else _SHOWN) | _broken(name, error))
    return found


def as_table(found: list[dict[str, Any]]) -> str:
    """The rows for a terminal."""
    return table([{key: one.get(key) for key in _SHOWN} for one in found])


def row(name: str, card: Card) -> dict[str, Any]:
    """One encoder in short: sizes, cost, measured parity, and whether its weights are here."""
    widths = sorted({layer.width for layer in card.layers})
    parity = card.parity
    return {
        'name': name,
        'layers': len(card.layers),
        'width': '-'.join(str(w) for w in ([widths[0], widths[-1]] if widths[1:] else widths)),
        'rate_hz': card.sample_rate,
        'frames_hz': round(card.frame_rate, 1),
        'window_s': round(card.window_seconds, 2),
        'gflop_per_s': round(card.gflop_per_second, 2),
        'parity': f'{parity.error:.1e}' if parity else None,
        'reference': f'{parity.reference}, {parity.weights} weights' if parity else None,
        'weights_licence': card.weights_licence,
        'weights': weights(card.weights),
        'on_disk': on_disk(card.weights),
        'status': card.status,
    }


def weights(ref: WeightsRef) -> str | None:
    """Whether the weights are on this machine, or what is missing; None where none are needed."""
    size = f' ({ref.size / 1e6:,.0f} MB)' if ref.size else ''
    if ref.kind == 'none':
        return None
    if ref.kind == 'file':
        return f'bring {ref.filename}{size}'
    return 'here' if on_disk(ref) else f'fetched once{size}'


def on_disk(ref: WeightsRef) -> bool | None:
    """Whether the loader would find the file; None where there is none, or no place to look."""
    if ref.kind == 'wheel':
        return (wheel.cache_dir() / ref.filename).is_file()
    if ref.kind == 'hub':
        return hub.cached(ref) is not None
    return None


def full(name: str, card: Card) -> str:
    """A card in full: layers, options, presets, parity, licences, and how to get the weights."""
    reach = f'{card.receptive_field:.3g} s' if card.receptive_field else 'the whole window'
    fixed = ', fixed' if card.fixed_window else ''
    shortest = card.min_samples / card.sample_rate
    hop = f', one every {card.hop_samples} samples' if card.hop_samples else ''
    lead = f', {card.lead_samples} samples before each ({card.lead_fill})'
    facts = {
        'name': f'--config.encoder.name={name}',
        'status': card.status,
        'audio': f'{card.sample_rate} Hz'
        + (f', each item scaled as a whole ({card.normalise})' if card.normalise != 'none' else ''),
        'window': f'{card.window_seconds:.3f} s ({card.window_samples} samples{fixed})'
        + hop
        + (lead if card.lead_samples else ''),
        'short items': f'{card.short}; at least {shortest:.3f} s; '
        + ('zeros after the audio are admitted' if card.zero_pad else 'never filled with zeros'),
        'frames': f'{card.frame_rate:.2f} per second, each hears {reach}',
        'layers': _layers(card),
        'mix': _names([card.layers[i].name for i in card.mix]) or 'none',
        'cost': f'{card.gflop_per_second:.3g} GFLOP per second of audio'
        if card.gflop_per_second
        else 'not stated',
        'parity': _parity(card),
        'licences': f'code: {card.code_licence}; weights: {card.weights_licence}',
        'trained on': card.training_data,
        'homepage': card.homepage or 'none',
        'weights': _fetching(card.weights),
    }
    lines = [card.title, *(_fact(label, text) for label, text in facts.items())]
    for option in card.options:
        values = ', '.join(str(v) for v in option.values) or f'any {type(option.default).__name__}'
        text = f'{option.name}={option.default} ({values}): {option.what}'
        lines.append(_fact('option', text))
    for preset in card.presets:
        lines.append(_fact('preset', f'{preset.name}: {preset.what}'))
    if card.citation:
        lines += ['citation', textwrap.indent(card.citation, '  ')]
    return '\n'.join(lines)


def _broken(name: str, error: JaxprobeError) -> dict[str, Any]:
    return {'name': name, 'status': f'cannot be read: {error}'}


def _layers(card: Card) -> str:
    """Layers of one width in a row as one entry: their names and that width."""
    parts: list[list] = []
    for layer in card.layers:
        if parts and parts[-1][1:] == [layer.width, layer.frames]:
            parts[-1][0].append(layer.name)
        else:
            parts.append([[layer.name], layer.width, layer.frames])
    return '; '.join(
        f'{_names(names)} [{width}{"" if frames else ", one per window"}]'
        for names, width, frames in parts
    )


def _names(names: list[str]) -> str:
    """Names with commas between; a numbered run of three and more by its ends."""
    runs: list[list[str]] = []
    for name in names:
        stem, number = _numbered(name)
        follows = runs and number is not None and _numbered(runs[-1][-1]) == (stem, number - 1)
        if follows:
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [[f'{run[0]}..{run[-1]}'] if len(run) > 2 else run for run in runs]
    return ', '.join(name for part in parts for name in part)


def _numbered(name: str) -> tuple[str, int | None]:
    stem = name.rstrip('0123456789')
    return stem, int(name[len(stem) :]) if stem != name else None


def _parity(card: Card) -> str:
    if card.parity is None:
        return 'not measured'
    found = card.parity
    return (
        f'{found.error:.1e} of the scale at most, against {found.reference} with {found.weights} '
        f'weights: {found.command}'
    )


def _fetching(ref: WeightsRef) -> str:
    if ref.kind == 'none':
        return f'none to fetch: {ref.source}' if ref.source else 'none to fetch'
    sha256 = f'; sha256 {ref.sha256}' if ref.sha256 else ''
    return f'{weights(ref)}: {ref.filename} of {ref.source}{sha256}; {ref.how}'


def _fact(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f'  {label:<12}',
        subsequent_indent=' ' * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )
