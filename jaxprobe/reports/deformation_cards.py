"""Deformations as `jaxprobe ls deformations` shows them."""

import json
from typing import Any

from jaxprobe.core.text import table
from jaxprobe.deform import chain, registry
from jaxprobe.deform.base import Card

HOW = """
A severity goes after the name (noise:15), options after that (reverb:1:wet=0.3); '>' joins steps
into a chain (lowpass:4000>noise:15); a name alone means all severities listed. mir_ref stands for
{mir_ref}; all for every name above.
  --config.study.deform=mir_ref,lowpass,'lowpass:4000>noise:15'"""


def rows() -> list[dict[str, Any]]:
    """One per deformation."""
    return [_row(name, registry.card(name)) for name in registry.DEFORMATIONS]


def as_table(found: list[dict[str, Any]]) -> str:
    """The rows, and how a config writes them."""
    shown = [
        {
            'name': row['name'],
            'severity': f'{row["severity"]} ({row["unit"]})',
            'run by the name alone': ' '.join(f'{value:g}' for value in row['severities']),
            'options': ' '.join(f'{k}={v:g}' for k, v in row['options'].items()) or None,
            'what': row['what'],
        }
        for row in found
    ]
    return table(shown) + '\n' + HOW.format(mir_ref=', '.join(registry.MIR_REF))


def full(name: str, as_json: bool) -> str:
    """One card.

    Raises:
        ConfigError: the name is unknown.
    """
    row = _row(name, registry.card(name))
    if as_json:
        return json.dumps(row, indent=1)
    row['severities'] = ', '.join(one.name for one in chain.parse(name)) if ':' not in name else ''
    return '\n'.join(f'{key.replace("_", " "):14} {_text(value)}' for key, value in row.items())


def _row(name: str, card: Card) -> dict[str, Any]:
    return {
        'name': name,
        'title': card.title,
        'severity': card.severity,
        'unit': card.unit,
        'severities': list(card.severities),
        'least': card.least,
        'most': card.most,
        'options': dict(card.options),
        'what': card.what,
        'random': card.random,
        'keeps_length': card.keeps_length,
        'source': card.source,
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, dict):
        return ', '.join(f'{k}={v:g}' for k, v in value.items()) or '-'
    return f'{value:g}' if isinstance(value, float) else str(value)
