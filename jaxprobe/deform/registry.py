"""Deformations by name, ours and those of installed packages."""

from jaxprobe.core.errors import ConfigError
from jaxprobe.core.registry import Registry
from jaxprobe.deform.base import Card

OWN = {
    'noise': 'jaxprobe.deform.noise:CARD',
    'mp3': 'jaxprobe.deform.mp3:CARD',
    'gain': 'jaxprobe.deform.gain:CARD',
    'lowpass': 'jaxprobe.deform.lowpass:CARD',
    'reverb': 'jaxprobe.deform.reverb:CARD',
    'pitch': 'jaxprobe.deform.pitch:CARD',
    'stretch': 'jaxprobe.deform.stretch:CARD',
    'clip': 'jaxprobe.deform.clip:CARD',
}
DEFORMATIONS = Registry('deformation', OWN, 'jaxprobe.deformations')

# Four conditions that mir_ref reports beside the clean one: its D1 to D4 (spec/tasks.md 7.12).
MIR_REF = ('noise:15', 'noise:0', 'mp3:32', 'gain:-12')

# Names that stand for several deformations in a config.
SETS = {'mir_ref': MIR_REF, 'all': tuple(OWN)}


def card(name: str) -> Card:
    """The card of a deformation, by its name or the dotted path of a user's own.

    Raises:
        ConfigError: the name is unknown, or the path leads to something else.
    """
    found = DEFORMATIONS.load(name)
    if not isinstance(found, Card):
        raise ConfigError(
            f'deformation {name!r} is a {type(found).__name__}, not a jaxprobe.deform.base.Card.'
        )
    return found
