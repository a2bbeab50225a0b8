"""`jaxprobe check encoder`: does an encoder keep its contract, and is a port exact?"""

import dataclasses
from pathlib import Path

import numpy as np

from jaxprobe.encoders import base
from jaxprobe.encoders import options as choices
from jaxprobe.encoders.base import Encoder
from jaxprobe.encoders.contract import SHIFT, Finding, contract
from jaxprobe.encoders.reference import Reference, compare


def run(
    name: str,
    *,
    weights: str = '',
    arch: str = '',
    options: str = '',
    dtype: str = 'float32',
    reference: str = '',
    atol: float = 5e-5,
    scale: str = 'rms',
) -> tuple[str, bool]:
    """Builds an encoder, checks it, and says so: what `jaxprobe check encoder` does.

    Args:
        name: a registered encoder, or the dotted path of a card.
        weights: as `base.load`.
        arch: as `base.load`.
        options: as `encoder.options` of a config.
        dtype: as `base.load`.
        reference: path of an npz as `reference.compare` reads it, or '' for the contract alone.
        atol: limit of the reference's comparison, times the scale.
        scale: as `reference.compare`.

    Returns:
        The text to print, and whether everything holds. Beside a reference, an `arch` of one's
        own may move with the phase of a tone: few untrained filters do, and the reference too.

    Raises:
        ConfigError: an unknown name, or an unusable reference.
        WeightsError: the weights cannot be had.
    """
    asked = choices.parse(options)
    encoder = base.load(name, weights=weights, arch=arch, dtype=dtype, options=asked)
    path = Path(reference).expanduser()
    compared = compare(encoder, path, atol, scale) if reference else None
    findings = contract(encoder)
    if compared is not None and arch:
        findings = [_spared(finding) for finding in findings]
    ok = not _failed(findings) and (compared is None or compared.ok)
    return render(encoder, findings, compared), ok


def _spared(finding: Finding) -> Finding:
    """Takes the phase of a tone out of the verdict, where a reference moves as far."""
    if finding.ok or finding.check != SHIFT:
        return finding
    why = 'not in the verdict: few untrained filters see phase, and the reference decides'
    return dataclasses.replace(finding, counts=False, detail=f'{finding.detail}; {why}')


def _failed(findings: list[Finding]) -> int:
    return sum(finding.counts and not finding.ok for finding in findings)


def _mark(finding: Finding) -> str:
    if finding.ok:
        return 'ok  '
    return 'FAIL' if finding.counts else 'note'


def render(encoder: Encoder, findings: list[Finding], compared: Reference | None) -> str:
    """Writes the findings as the text that the command prints."""
    card = encoder.card
    lines = [
        f'{card.name}: {card.title}',
        f'  {card.sample_rate} Hz, weights {encoder.weights_sha256[:16]}',
        f'  licence of weights: {card.weights_licence}',
        'contract',
    ]
    lines += [f'  {_mark(f)}  {f.check:<18}{f.detail}' for f in findings]
    if compared is not None:
        lines += ['reference', *(f'  skipped {reason}' for reason in compared.skipped)]
        lines.append(
            f'  {"":6}{"case":<8}{"layer":<14}{"max abs":>9}{"relative":>10}{"limit":>9}  shape'
        )
        for row in compared.rows:
            relative = row.error / row.rms if row.rms else np.nan
            lines.append(
                f'  {"ok  " if row.ok else "FAIL"}  {row.case:<8}{row.layer:<14}{row.error:>9.1e}'
                f'{relative:>10.1e}{row.limit:>9.1e}  {row.shape}'
            )
        lines.append(f'  largest error: {compared.worst:.1e} of the scale')
    failed = _failed(findings)
    off = sum(not row.ok for row in compared.rows) if compared else 0
    verdict = 'passed' if not failed + off else f'FAILED: {failed} checks, {off} layers'
    return '\n'.join([*lines, verdict])
