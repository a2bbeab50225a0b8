"""Regression onto C numbers, such as arousal and valence.

Conventions
-----------
References come first; both are `[N, C]` and finite, N at least 1. The coefficient of
determination is computed per output over the whole split, then averaged with equal weights. It
is unchanged by an affine change of the targets' scale, 0 for the mean of the split, and
negative for anything worse than that.

An output whose reference is constant in the split has no variance to explain: it scores 1 where
it is predicted exactly and else 0, as in scikit-learn.

Metrics
-------
* `r2`: uniform mean over outputs of R2 = 1 - SSE / SST.
* `r2_<label>`: R2 of one output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, 'N C']

METRICS = ('r2',)  # And r2_<label> for each output.


def validate(reference: Float[np.ndarray, '_ _'], scores: Float[np.ndarray, '_ _']) -> None:
    """Checks that reference and scores, both [N C], belong together.

    Raises:
        ValueError: empty or unequal shapes, or values not finite.
    """
    if len(reference) == 0:
        raise ValueError('reference is empty: there is nothing to score')
    if reference.shape != scores.shape:
        raise ValueError(f'reference is {reference.shape} but scores are {scores.shape}')
    for name, values in (('reference', reference), ('scores', scores)):
        if not np.isfinite(values).all():
            raise ValueError(f'{int((~np.isfinite(values)).sum())} of {name} are not finite')


def output_r2(reference: Values, scores: Values) -> Float[np.ndarray, 'C']:
    """R2 of each output."""
    validate(reference, scores)
    truth, estimate = reference.astype(np.float64), scores.astype(np.float64)
    error = ((truth - estimate) ** 2).sum(axis=0)
    spread = ((truth - truth.mean(axis=0, keepdims=True)) ** 2).sum(axis=0)
    flat = truth.max(axis=0) == truth.min(axis=0)
    explained = 1 - error / np.where(flat, 1.0, spread)
    return np.where(flat, (error == 0).astype(np.float64), explained)


def r2(reference: Values, scores: Values) -> float:
    """Uniform mean of `output_r2`."""
    return float(output_r2(reference, scores).mean())


def per_label(reference: Values, scores: Values) -> dict[str, Float[np.ndarray, 'C']]:
    """R2 and the number of items of every output."""
    each = output_r2(reference, scores)
    return {'r2': each, 'n': np.full(len(each), float(len(reference)))}


def evaluate(
    reference: Values, scores: Values, labels: Sequence[str] | None = None
) -> dict[str, float]:
    """Computes every metric of the module.

    Args:
        reference: the targets.
        scores: the predictions.
        labels: names of the outputs; by default their indices.

    Raises:
        ValueError: the number of labels is not C; or see `validate`.
    """
    each = output_r2(reference, scores)
    names = [str(c) for c in range(len(each))] if labels is None else labels
    if len(names) != len(each):
        raise ValueError(f'{len(names)} labels for {len(each)} outputs')
    return {'r2': float(each.mean())} | {
        f'r2_{name}': float(value) for name, value in zip(names, each, strict=True)
    }


def constants(
    train_reference: Float[np.ndarray, '_ _'],
    reference: Values,
    outputs: int,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What never listening to the audio is worth.

    Args:
        train_reference: targets of the training split.
        reference: targets of the split that is evaluated.
        outputs: C, the number of outputs.
        labels: names of the outputs; by default their indices.

    Returns:
        'majority': the metrics of always answering the training mean (0 or less);
        'best_constant': those of the evaluated split's own mean, which is 0.

    Raises:
        ValueError: a width is not `outputs`; or see `validate`.
    """
    if not train_reference.shape[1] == reference.shape[1] == outputs:
        raise ValueError(
            f'{outputs} outputs, but references are {train_reference.shape[1]} and '
            f'{reference.shape[1]} wide'
        )

    def always(values: Float[np.ndarray, '_ _']) -> dict[str, float]:
        mean = values.astype(np.float64).mean(axis=0, keepdims=True)
        flat = (values.max(axis=0) == values.min(axis=0))[None]
        answer = np.where(flat, values[:1].astype(np.float64), mean)
        return evaluate(reference, np.repeat(answer, len(reference), axis=0), labels)

    return {'majority': always(train_reference), 'best_constant': always(reference)}
