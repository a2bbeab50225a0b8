"""The sizes of a data2vec-audio model, read from its config.json."""

from collections.abc import Mapping
from typing import Any

from jaxprobe.encoders.hubert import architecture
from jaxprobe.encoders.hubert.architecture import Architecture

BASE = architecture.BASE._replace(conv_norm='layer', position_layers=5, position_taps=19)

PORTED: dict[str, tuple[Any, ...]] = {
    'model_type': ('data2vec-audio',),
    'hidden_act': ('gelu',),
    'feat_extract_activation': ('gelu',),
    'add_adapter': (False,),
}


def from_config(config: Mapping[str, Any], what: str) -> Architecture:
    """Reads the settings of Data2VecAudioConfig; what is left out has its defaults.

    Its class knows one extractor (a layer norm after every convolution) and one order of norms
    (after the sublayers), whatever a config says of `feat_extract_norm`.

    Raises:
        ConfigError: a setting is not ported or makes no sense.
    """
    architecture.refuse(config, PORTED, what)
    return architecture.checked(
        architecture.common(config, what)._replace(
            conv_norm='layer',
            position_layers=architecture.size(
                config, 'num_conv_pos_embeddings', BASE.position_layers, what
            ),
            position_taps=architecture.size(
                config, 'conv_pos_kernel_size', BASE.position_taps, what
            ),
        ),
        what,
    )
