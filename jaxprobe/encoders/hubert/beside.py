"""What lies beside a weights file, and whether it agrees with the encoder the file is taken for.

HuBERT base, MERT-v0 and MERT-v1-95M have tensors of the same names and shapes, and a model normed
before its sublayers has those of one normed after them. Only config.json and
preprocessor_config.json tell them apart, where they were kept with the weights.
"""

from pathlib import Path

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders.hubert import architecture
from jaxprobe.encoders.hubert.architecture import Architecture
from jaxprobe.encoders.hubert.card import WaveCard

CONFIG, PROCESSOR = 'config.json', 'preprocessor_config.json'


def check_config(found: WaveCard, path: Path, read: architecture.ReadFn) -> None:
    """Holds the config.json beside a weights file to the card; none there, nothing to hold.

    Args:
        found: the encoder the file is taken for, in its published architecture.
        path: the weights file.
        read: the family's reader of a config.

    Raises:
        WeightsError: it is the config of another model.
        ConfigError: it asks for what is not ported.
    """
    beside = path.parent / CONFIG
    if not beside.is_file():
        return
    config = architecture.read(beside, str(beside))
    kind = config.get('model_type', found.model_types[0])
    if kind not in found.model_types:
        raise WeightsError(
            f'{beside} says model_type {kind!r}; {found.name} has '
            f'{" or ".join(map(repr, found.model_types))}. The tensors of some of these models '
            f'have the same names and shapes, so the wrong file would run and mean nothing. Name '
            f'the encoder it is of, or, if you mean it, '
            f'--config.encoder.arch={beside}.'
        )
    try:
        architecture.check_rate(found.name, found.sample_rate, config.get('sample_rate'), '')
    except ConfigError as error:
        raise WeightsError(f'{beside}{error}') from None
    theirs = read(config, str(beside))
    if theirs != found.architecture:
        differ = ', '.join(
            f'{field} {theirs_!r} for {ours!r}'
            for field, theirs_, ours in zip(
                Architecture._fields, theirs, found.architecture, strict=True
            )
            if theirs_ != ours
        )
        raise WeightsError(
            f'{beside} describes another architecture than the published {found.name}: {differ}. '
            f'Name the encoder it is of, or take its architecture from the file: '
            f'--config.encoder.arch={beside}.'
        )


def remark(found: WaveCard, path: Path, normalise: str) -> str:
    """What the processor's settings beside a weights file say against the options; '' if nothing.

    Raises:
        WeightsError: they are for another sample rate.
        ConfigError: the file cannot be read.
    """
    beside = path.parent / PROCESSOR
    if not beside.is_file():
        return ''
    settings = architecture.read(beside, str(beside))
    rate = settings.get('sampling_rate', found.sample_rate)
    if rate != found.sample_rate:
        raise WeightsError(
            f'{beside} is for {rate} Hz, and {found.name} hears {found.sample_rate} Hz: the '
            f'weights beside it are of another model.'
        )
    theirs = settings.get('do_normalize')
    if theirs is None or bool(theirs) == (normalise != 'none'):
        return ''
    return (
        f"normalise={normalise} against the file's do_normalize={str(bool(theirs)).lower()} "
        f'({PROCESSOR})'
    )
