"""What a card says of the weights that were loaded, which may not be the published ones."""

import dataclasses
from pathlib import Path
from typing import TypeVar

from jaxprobe.encoders.base import Card, WeightsRef

C = TypeVar('C', bound=Card)


def of_weights(
    card: C,
    identity: str,
    given: str,
    published: str = '',
    *,
    resized: bool = False,
    sha256: str = '',
) -> C:
    """The card of a model with these weights.

    Args:
        card: the published model's, with the layers of what was built.
        identity: of the weights in fingerprints; 'random-<seed>' for those.
        given: what the user named: '' for the published file from its place, 'random', or a path.
        published: identity of the published weights, '' where it is not known.
        resized: True where the sizes are not the published ones.
        sha256: of the file given, '' where the identity is that of its tensors.

    Returns:
        The card as it is for published weights of published sizes. Random weights and files that
        may be others say so in the title, and keep no licence or training data of the published.
        Parity stays only where the weights may be those that it was measured for.
    """
    if identity.startswith('random-'):
        return dataclasses.replace(
            card,
            title=f'{card.title}, RANDOM weights',
            weights=WeightsRef(kind='none', source=identity),
            weights_licence='none: random weights',
            training_data='none: random weights',
            parity=None,
        )
    if not given or (identity == published and not resized):
        return dataclasses.replace(card, parity=None) if resized else card
    name = Path(given).name
    own = WeightsRef(kind='file', filename=name, sha256=sha256)
    if published or resized:
        return dataclasses.replace(
            card,
            title=f'{card.title}, weights of {name} (not the published file)',
            weights=own,
            weights_licence='that of the file given',
            training_data='that of the file given',
            parity=None,
        )
    # Nobody can tell here whether it is the published file.
    return dataclasses.replace(
        card,
        title=f'{card.title}, weights of {name} (published hash not known)',
        weights=own,
        weights_licence=f'that of the file given; published: {card.weights_licence}',
        training_data=f'that of the file given; published: {card.training_data}',
    )
