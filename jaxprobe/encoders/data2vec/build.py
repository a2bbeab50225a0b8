"""Builds data2vec-audio encoders for `jaxprobe.encoders.base.load`."""

from flax import nnx

from jaxprobe.encoders.base import Encoder
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.data2vec import architecture, model
from jaxprobe.encoders.hubert.architecture import Architecture
from jaxprobe.encoders.hubert.build import assemble
from jaxprobe.encoders.hubert.card import WaveCard
from jaxprobe.encoders.options import Options


def build(
    found: WaveCard, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds the encoder; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown dtype or architecture, or published weights for a tiny one.
        WeightsError: the file is absent, damaged or belongs to another model.
    """
    numbers, zscore = precision(dtype), options['normalise'] == 'window'

    def graph(a: Architecture) -> nnx.Module:
        return model.data2vec(a, numbers, zscore=zscore)

    return assemble(
        found, graph, architecture.from_config, weights, arch, seed, str(options['normalise'])
    )
