"""Source separation: how near estimated recordings of stems are to the true ones.

Conventions
-----------
References come first. An item is scored by energies, from which every score can be computed
again: `statistics` makes them, and every metric reads `[N, 2 K]` of them: for each of the K
targets the energy of its true recording, then for each the energy of what the estimate gets
wrong, both summed over all samples of the item. A reference row `[2 K]` holds the true energies,
and the errors of the constant of this kind: to answer with the mixture.

The ratio is MARBLE v1's GlobalSDR, 10 log10((energy + 1e-7) / (error + 1e-7)) of a whole item.
It is museval's SDR where a frame is the whole item: `bss_eval(..., window=inf, hop=inf,
compute_permutation=False, bsseval_sources_version=False)` of museval 0.4.1 gives the same number
without the 1e-7, whatever the filters, which serve its other scores (golden numbers in the test).
museval's usual protocol, the median over frames of one second, is another number. An item in
which a target is silent has no SDR in museval; here it scores far below 0 dB as soon as anything
is answered, as in MARBLE v1.

Metrics
-------
* `sdr`: the ratio in dB, mean over targets of the mean over items.
* `sdr_<label>`: of one target, mean over items.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

METRICS = ('sdr',)  # And sdr_<label> for each target.
DELTA = 1e-7  # MARBLE v1's, in units of squared samples.

Waves = Float[np.ndarray, '_ _']  # Targets and their samples.
Statistics = Float[np.ndarray, '_ _']  # Items and their energies.


def statistics(reference: Waves, estimate: Waves) -> Float[np.ndarray, '_']:
    """Energies of one item: [2 K].

    Args:
        reference: the true recordings.
        estimate: what was found, sample by sample.

    Raises:
        ValueError: their shapes differ.
    """
    if reference.shape != estimate.shape:
        raise ValueError(f'reference is {reference.shape} but estimate is {estimate.shape}')
    true, found = reference.astype(np.float64), estimate.astype(np.float64)
    return np.concatenate([(true**2).sum(axis=1), ((true - found) ** 2).sum(axis=1)])


def reference_row(reference: Waves, mixture: Float[np.ndarray, 'S']) -> Float[np.ndarray, '_']:
    """What is stored of an item's true recordings: [2 K], see the module's docstring."""
    return statistics(reference, np.broadcast_to(mixture[None, :], reference.shape))


def ratios(scores: Statistics) -> Float[np.ndarray, '_ _']:
    """The ratio in dB of every item and target."""
    true, wrong = np.split(scores.astype(np.float64), 2, axis=1)
    return 10 * np.log10((true + DELTA) / (wrong + DELTA))


def item_sdr(reference: Statistics, scores: Statistics) -> Float[np.ndarray, '_']:
    """The ratio of every item, mean over targets; its mean is `sdr`."""
    validate(reference, scores)
    return ratios(scores).mean(axis=1)


def validate(reference: Statistics, scores: Statistics) -> None:
    """Checks that reference rows and statistics, both [N 2K], belong together.

    Raises:
        ValueError: empty or unequal shapes, values that are no energies, or true energies that
            differ.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    if reference.shape != scores.shape or scores.shape[1] % 2:
        raise ValueError(f'reference is {reference.shape} but statistics are {scores.shape}')
    for name, values in (('reference', reference), ('statistics', scores)):
        if not (np.isfinite(values).all() and values.min() >= 0):
            raise ValueError(f'{name} holds values that are no energies: negative or not finite')
    half = scores.shape[1] // 2
    if not np.allclose(reference[:, :half], scores[:, :half], rtol=1e-3, atol=1e-6):
        raise ValueError('the statistics are of other references: their energies differ')


def evaluate(
    reference: Statistics, scores: Statistics, labels: Sequence[str] | None = None
) -> dict[str, float]:
    """Computes every metric of the module.

    Args:
        reference: rows of `reference_row`.
        scores: rows of `statistics`.
        labels: names of the targets; by default their indices.

    Raises:
        ValueError: the number of labels is not K; or see `validate`.
    """
    validate(reference, scores)
    each = ratios(scores).mean(axis=0)
    names = [str(k) for k in range(len(each))] if labels is None else labels
    if len(names) != len(each):
        raise ValueError(f'{len(names)} labels for {len(each)} targets')
    return {'sdr': float(each.mean())} | {
        f'sdr_{name}': float(value) for name, value in zip(names, each, strict=True)
    }


def constants(
    train_reference: Statistics,
    reference: Statistics,
    outputs: int,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What answers are worth that no probe is needed for.

    Returns:
        'majority': the mixture as the estimate of every target; 'best_constant': for each metric
        the better of that and silence, which is 0 dB.
    """
    del outputs
    _, answers = unheard(train_reference, reference)
    mixture, silence = (evaluate(reference, rows, labels) for rows in answers)
    best = {metric: max(mixture[metric], silence[metric]) for metric in mixture}
    return {'majority': mixture, 'best_constant': best}


def unheard(train_reference: Statistics, reference: Statistics) -> tuple[int, list[Statistics]]:
    """What the mixture as the answer leaves, and silence; the first stands for the majority."""
    del train_reference
    silent = reference.copy()
    half = reference.shape[1] // 2
    silent[:, half:] = reference[:, :half]
    return 0, [reference, silent]
