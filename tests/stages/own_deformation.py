"""A deformation of a user's own, named in configs by the dotted path of its card."""

from jaxprobe.deform.base import Card, same


def apply(wave, rate, severity, options, random):
    """Leaves nothing of a share of the clips."""
    return wave[:0] if random.uniform() < severity else wave


CARD = Card(
    name='lost',
    title='Lost clips',
    severity='share of clips',
    unit='1',
    severities=(0.2, 0.4),
    harm=same,
    what='clips are gone',
    source='our own',
    apply=apply,
    random=True,
    keeps_length=False,
)
