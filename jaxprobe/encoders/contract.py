"""The contract of `jaxprobe.encoders.base`, checked on synthetic waves: no data, no reference."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxprobe.encoders.base import Card, Encoder, compiled

Outputs = tuple[np.ndarray, ...]  # One [B T_l D_l] per layer.

SHORT_SECONDS = 2.0  # Long enough for a check where the window is free.
ROW_LIMIT = 1e-5  # Times max(1, rms): what the other rows of a batch may move.
# Another batch size is another program, which may add up in another order: the limit of ports.
BATCH_LIMIT = 5e-5
SHIFT = 'one sample later'
SHIFT_LIMIT = 0.25  # Of the pooled embedding's norm: one sample later is the same music.


@dataclasses.dataclass(frozen=True)
class Finding:
    """One check of the contract.

    Attributes:
        check: its name.
        ok: whether it holds.
        detail: what was seen.
        counts: whether the verdict hangs on it.
    """

    check: str
    ok: bool
    detail: str
    counts: bool = True


def contract(encoder: Encoder) -> list[Finding]:
    """Holds an encoder to `jaxprobe.encoders.base` on synthetic waves.

    Args:
        encoder: any; a fixed window is used as it is, else one of two seconds.

    Returns:
        One finding per check; where the output has not the declared shape, the checks that
        would read it are left out.
    """
    card = encoder.card
    samples = _check_samples(card)
    waves = signals(card.lead_samples + samples, card.sample_rate)
    findings = [_card(card), _params(encoder)]
    try:
        encode, promised = _prepared(encoder, waves)
    except Exception as error:  # A user's own encoder may die of anything.
        return [*findings, Finding('traces', False, f'{type(error).__name__}: {error}')]
    findings += [_shapes(card, promised), _frame_rate(card, promised, samples)]
    if not all(finding.ok for finding in findings[2:]):
        return findings
    first = run_exactly(encode, encoder.params, waves)
    again = run_exactly(encode, encoder.params, waves)
    mixed = run_exactly(encode, encoder.params, waves[[3, 2, 0, 0]])
    findings += [
        _finite(first),
        _same_rows(first, again, [0, 1, 2, 3], [0, 1, 2, 3], 'repeatable', 0.0),
        _same_rows(first, mixed, [0, 0, 2, 3], [2, 3, 1, 0], 'rows independent', ROW_LIMIT),
        _batch_size(encoder, first, waves),
        _shift(first, card),
        _responds(first, card),
    ]
    if card.zero_pad:
        findings.append(_zeros_after(encode, encoder, first, waves))
    if not card.fixed_window:
        findings.append(_shortest(encoder))
    return findings


def _prepared(encoder: Encoder, waves: np.ndarray) -> tuple[Callable[..., Any], tuple]:
    """What runs the encoder at one shape and no other, and the shapes that come out."""
    if encoder.host:
        return encoder.encode, encoder.encode(encoder.params, waves)
    import jax

    with jax.default_matmul_precision('highest'):
        traced = jax.jit(encoder.encode).trace(encoder.params, waves)
        return traced.lower().compile(), layers_of(traced.out_info)


def signals(samples: int, sample_rate: int) -> Float[np.ndarray, '4 S']:
    """Makes the waves of the contract checks: a chord, it one sample later, noise, silence."""
    state = np.random.RandomState(0)
    time = np.arange(samples + 1) / sample_rate
    chord = sum(np.sin(2 * np.pi * f * time) / 4 for f in (220.0, 277.18, 329.63, 1760.0))
    chord = chord + 0.01 * state.standard_normal(samples + 1)
    noise = 0.3 * state.standard_normal(samples)
    rows = [chord[1:], chord[:-1], noise, np.zeros(samples)]
    return np.stack(rows).astype(np.float32)


def _check_samples(card: Card) -> int:
    if card.fixed_window:
        return card.window_samples
    short = max(card.min_samples, round(SHORT_SECONDS * card.sample_rate))
    return min(card.window_samples, short)


def layers_of(result) -> tuple:
    """Splits what `encode` returned, in either of its two forms, into one entry per layer.

    Args:
        result: [B L T D], or a tuple of [B T_l D_l]; arrays, or their shapes.

    Returns:
        One [B T_l D_l] per layer.
    """
    if isinstance(result, tuple):
        return result
    if len(result.shape) != 4:
        return (result,)
    import jax

    if isinstance(result, jax.ShapeDtypeStruct):
        batch, layers, *rest = result.shape
        return (jax.ShapeDtypeStruct((batch, *rest), result.dtype),) * layers
    return tuple(result[:, layer] for layer in range(result.shape[1]))


def run_exactly(encode, params, waves: np.ndarray) -> Outputs:
    """Encodes at the highest matmul precision and brings the layers to the host."""
    import jax

    with jax.default_matmul_precision('highest'):
        return layers_of(jax.tree.map(np.asarray, encode(params, waves)))


def _card(card: Card) -> Finding:
    names = [layer.name for layer in card.layers]
    seconds = card.window_samples / card.sample_rate
    mixed = {card.layers[i].width for i in card.mix if 0 <= i < len(names)}
    faults = {
        'a layer name stands twice': len(set(names)) < len(names),
        'mix names a layer that is not there': any(not 0 <= i < len(names) for i in card.mix),
        'mix combines layers of different width': len(mixed) > 1,
        f'short={card.short!r} is unknown': card.short not in ('repeat', 'refuse'),
        'a preset asks for zeros, which zero_pad=False rules out': not card.zero_pad
        and any('pad' in (preset.tail, preset.short) for preset in card.presets),
        'window_seconds and window_samples differ': abs(seconds - card.window_seconds) > 1e-3,
        'min_samples exceeds the window': card.min_samples > card.window_samples,
        f'lead_samples={card.lead_samples} is negative': card.lead_samples < 0,
        'a licence is missing': not (card.code_licence and card.weights_licence),
    }
    found = [fault for fault, there in faults.items() if there]
    return Finding('card', not found, '; '.join(found) or f'{len(names)} layers')


def _params(encoder: Encoder) -> Finding:
    import jax

    leaves = jax.tree.leaves(encoder.params)
    if encoder.host and not leaves:
        return Finding('params', True, 'held by what runs on the host')
    strange = sorted({type(x).__name__ for x in leaves if not hasattr(x, 'dtype')})
    total = sum(int(np.prod(leaf.shape)) for leaf in leaves if hasattr(leaf, 'dtype'))
    seen = f'leaves that are no arrays: {", ".join(strange)}' if strange else f'{total:,} values'
    return Finding('params', not strange, seen)


def _shapes(card: Card, promised: tuple) -> Finding:
    """Layer count, rank, widths, and the type that leaves `encode`."""
    if len(promised) != len(card.layers):
        return Finding('shapes', False, f'{len(promised)} layers, card {len(card.layers)}')
    faults = []
    for layer, got in zip(card.layers, promised, strict=True):
        if len(got.shape) != 3 or got.shape[0] != 4 or got.shape[2] != layer.width:
            faults.append(f'{layer.name} is {got.shape}, card (4, T, {layer.width})')
        elif str(got.dtype) != 'float32':
            faults.append(f'{layer.name} is {got.dtype}, must be float32')
        elif not layer.frames and got.shape[1] != 1:
            faults.append(f'{layer.name} has {got.shape[1]} frames, card says one')
    widths = ', '.join(str(layer.width) for layer in card.layers)
    return Finding('shapes', not faults, '; '.join(faults) or f'widths {widths}; float32')


def _frame_rate(card: Card, promised: tuple, samples: int) -> Finding:
    """The deepest frame-level layer against the card; convolutions may cost it two frames."""
    pairs = zip(card.layers, promised, strict=False)
    frames = [got.shape[1] for layer, got in pairs if layer.frames and len(got.shape) == 3]
    if not frames:
        return Finding('frame rate', True, 'no frame-level layers')
    wanted = card.frame_rate * samples / card.sample_rate
    seen = f'{frames[-1]} frames in {samples / card.sample_rate:.3f} s, card {wanted:.1f}'
    return Finding('frame rate', abs(frames[-1] - wanted) <= max(2.0, 0.02 * wanted), seen)


def _finite(outputs: Outputs) -> Finding:
    rows = ('chord', 'chord one sample later', 'noise', 'silence')
    bad = [row for i, row in enumerate(rows) if any(~np.isfinite(o[i]).all() for o in outputs)]
    seen = f'nan or inf for {", ".join(bad)}' if bad else 'chord, noise and silence'
    return Finding('finite', not bad, seen)


def _same_rows(
    a: Outputs, b: Outputs, rows_a: list[int], rows_b: list[int], check: str, limit: float
) -> Finding:
    """Rows that were given the same wave must come out the same."""
    worst = 0.0
    for one, other in zip(a, b, strict=True):
        scale = max(1.0, float(np.sqrt(np.mean(one**2))))
        worst = max(worst, float(np.abs(one[rows_a] - other[rows_b]).max()) / scale)
    return Finding(check, worst <= limit, f'moved by {worst:.1e}, limit {limit:.0e}')


def _batch_size(encoder: Encoder, first: Outputs, waves: np.ndarray) -> Finding:
    """A window alone, or one of three, gives what it gave as one of four."""
    encode = compiled(encoder)
    findings = [
        _same_rows(
            first,
            run_exactly(encode, encoder.params, waves[:rows]),
            list(range(rows)),
            list(range(rows)),
            'batch size',
            BATCH_LIMIT,
        )
        for rows in (1, 3)
    ]
    seen = '; '.join(f'{n}: {f.detail}' for n, f in zip(('alone', 'of three'), findings))
    return Finding('batch size', all(finding.ok for finding in findings), seen)


def _zeros_after(
    encode: Callable[..., Any], encoder: Encoder, first: Outputs, waves: np.ndarray
) -> Finding:
    """Zeros in place of the last quarter leave the frames before its receptive field alone."""
    card = encoder.card
    cut = waves.shape[1] * 3 // 4
    filled = waves.copy()
    filled[:, cut:] = 0.0
    outputs = run_exactly(encode, encoder.params, filled)
    heard = (cut - card.lead_samples) / card.sample_rate - card.receptive_field
    seconds = (waves.shape[1] - card.lead_samples) / card.sample_rate
    worst, frames = 0.0, 0
    for layer, before, after in zip(card.layers, first, outputs, strict=True):
        kept = int(before.shape[1] * heard / seconds) if layer.frames else 0
        if kept < 1:
            continue
        frames += kept
        scale = max(1.0, float(np.sqrt(np.mean(before**2))))
        worst = max(worst, float(np.abs(before - after)[:, :kept].max()) / scale)
    if not frames:
        return Finding('zeros after', True, 'every frame hears the whole window')
    seen = f'{frames} frames before them moved by {worst:.1e}, limit {ROW_LIMIT:.0e}'
    return Finding('zeros after', worst <= ROW_LIMIT, seen)


def _shift(outputs: Outputs, card: Card) -> Finding:
    moved = {}
    for layer, output in zip(card.layers, outputs, strict=True):
        here, later = output[0].mean(0), output[1].mean(0)
        moved[layer.name] = float(np.linalg.norm(here - later) / max(np.linalg.norm(here), 1e-12))
    name = max(moved, key=lambda layer: moved[layer])
    seen = f'at most {moved[name]:.1e} of the pooled embedding ({name}), limit {SHIFT_LIMIT}'
    return Finding(SHIFT, moved[name] <= SHIFT_LIMIT, seen)


def _responds(outputs: Outputs, card: Card) -> Finding:
    deaf = [
        layer.name
        for layer, output in zip(card.layers, outputs, strict=True)
        if np.allclose(output[0].mean(0), output[2].mean(0), rtol=1e-4, atol=1e-6)
    ]
    seen = (
        f'chord and noise are the same in {", ".join(deaf)}' if deaf else 'chord and noise differ'
    )
    return Finding('responds', not deaf, seen)


def _shortest(encoder: Encoder) -> Finding:
    """The shortest window the card admits, with its lead, gives a frame or more, all finite."""
    samples = encoder.card.min_samples
    waves = signals(encoder.card.lead_samples + samples, encoder.card.sample_rate)
    outputs = run_exactly(compiled(encoder), encoder.params, waves)
    good = all(output.shape[1] >= 1 and np.isfinite(output).all() for output in outputs)
    frames = min(output.shape[1] for output in outputs)
    return Finding('shortest input', good, f'{samples} samples: {frames} frames or more')
