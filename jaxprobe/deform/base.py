"""What a deformation says of itself, and the form of the function that carries it out."""

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

# (wave [S], rate in Hz, severity, options, random numbers) -> wave [S'].
Apply = Callable[
    [Float[np.ndarray, 'S'], int, float, Mapping[str, float], np.random.RandomState],
    Float[np.ndarray, 'S2'],
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """One kind of deformation, whose strength is a number.

    Attributes:
        name: in configs, before the severity.
        title: in tables.
        severity: what the number is.
        unit: of the number.
        severities: those run where the config gives none, from mild to severe.
        least, most: severities that can be.
        harm: severity -> a number that grows with it; only the order counts.
        what: one sentence.
        source: where the definition comes from.
        apply: carries it out.
        options: further numbers with their defaults, written `name=value` after the severity.
        random: it draws; its samples depend on the root seed.
        keeps_length: sample k of the result is at the time of sample k of the input.
        version: raised whenever its samples change; part of a store's fingerprint.
    """

    name: str
    title: str
    severity: str
    unit: str
    severities: tuple[float, ...]
    least: float = -math.inf
    most: float = math.inf
    harm: Callable[[float], float]
    what: str
    source: str
    apply: Apply
    options: Mapping[str, float] = dataclasses.field(default_factory=dict)
    random: bool = False
    keeps_length: bool = True
    version: int = 1


def same(severity: float) -> float:
    """`harm` where more is worse."""
    return severity


def negative(severity: float) -> float:
    """`harm` where less is worse."""
    return -severity
