"""What an encoder is: a card that costs nothing to read, and a pure function.

`jaxprobe ls encoders` reads cards only, so a card module imports neither jax nor flax; building
the model is a dotted path on the card. `tests/contract/encoders_test.py` holds every registered
encoder to this page.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jaxprobe.core.errors import ConfigError
from jaxprobe.core.registry import Registry, load_path
from jaxprobe.encoders import options as choices
from jaxprobe.encoders.options import Option, Options, Preset

Params = Any  # A pytree of arrays.


@dataclasses.dataclass(frozen=True)
class Layer:
    """A probe point.

    Attributes:
        name: shown in tables.
        width: D.
        frames: False where T is 1 (a clip-level layer).
        depth: its index in the whole model, where only some layers are kept; -1 elsewhere.
    """

    name: str
    width: int
    frames: bool = True
    depth: int = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsRef:
    """Where the authors publish the weights.

    Attributes:
        kind: 'hub' (a Hugging Face repository), 'wheel' (inside a package of the registry),
            'file' (the user downloads it), 'none' (there is nothing to load).
        source: repository id, requirement, or address of the file's page.
        filename: the file within it.
        size: bytes, 0 where unknown.
        sha256: of that file, '' where unknown.
        how: one or two lines that say how to fetch it by hand.
    """

    kind: str
    source: str = ''
    filename: str = ''
    size: int = 0
    sha256: str = ''
    how: str = ''


@dataclasses.dataclass(frozen=True)
class Parity:
    """How near a port is to its original, as measured.

    Attributes:
        error: largest over layers and cases, in units of the limit's scale: max(1, rms) of a
            layer for transformers and conformers, its largest magnitude for the others.
        reference: what computed the other side.
        weights: that both sides had: 'published', 'random' or 'seeded'.
        command: prints it.
    """

    error: float
    reference: str
    weights: str
    command: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """What is known about an encoder without loading it; shown in lists and reports.

    Attributes:
        sample_rate: Hz that `encode` expects.
        layers: probe points in depth order; index 0 is what enters the first block.
        mix: indices of the layers that the learned weighted sum combines (equal widths); ()
            where there is none. MARBLE v1: 1..L, without 0.
        frame_rate: frames per second of the frame-level layers.
        receptive_field: seconds of audio behind one frame (0: the whole window).
        window_seconds: default window.
        window_samples: exact length of that window in samples.
        lead_samples: samples before each window that `encode` is given with it, for a first frame
            that reaches back; before an item's start they are its reflection (`audio.window`),
            or zeros where `lead_fill` says so. They count neither as window nor as hop.
        lead_fill: 'reflect' or 'zeros'.
        hop_samples: from one window to the next; 0 means windows that abut. Shorter than the
            window where an encoder needs context on both sides.
        fixed_window: True where no other window is possible.
        min_samples: fewer make `encode` fail or its output meaningless.
        short: policy for items shorter than a window: 'repeat' (repeat-pad, flagged in the
            store) or 'refuse'.
        normalise: what is done to a whole item before windows are cut: 'none', 'zscore' (zero
            mean, unit variance) or 'peak' (largest magnitude 1).
        zero_pad: True where zeros that fill up a window are the authors' own way with tails;
            elsewhere they would change the features of the audio beside them (statistics over
            time, attention), and a config that asks for them is refused.
        pooling: statistics over time that the layers stand for, see `pooled`; 'mean' where they
            are frames, or clip-level layers as they are.
        gflop_per_second: cost of one second of audio, for `jaxprobe plan`.
        options: choices of `--config.encoder.options`, none of which changes the published
            default.
        presets: how peers and papers cut and read this encoder, by name.
        parity: None until measured.
        configure: `module:function`, `(card, options) -> Card`: what options change of a card.
        port_version: raised whenever the port's numbers change; part of the fingerprint.
        build: `module:function` with the signature of `BuildFn`.
    """

    name: str
    title: str
    sample_rate: int
    layers: tuple[Layer, ...]
    mix: tuple[int, ...]
    frame_rate: float
    receptive_field: float
    window_seconds: float
    window_samples: int
    lead_samples: int = 0
    lead_fill: str = 'reflect'
    hop_samples: int = 0
    fixed_window: bool = False
    min_samples: int
    short: str
    normalise: str = 'none'
    zero_pad: bool = False
    pooling: str = 'mean'
    weights: WeightsRef
    code_licence: str
    weights_licence: str
    training_data: str
    citation: str
    homepage: str
    gflop_per_second: float
    options: tuple[Option, ...] = ()
    presets: tuple[Preset, ...] = ()
    parity: Parity | None = None
    port_version: int = 1
    configure: str = ''
    build: str
    status: str = 'works'

    @property
    def input_samples(self) -> int:
        """The S that `encode` is given for the card's window: the window and its lead."""
        return self.lead_samples + self.window_samples


class Encoder(NamedTuple):
    """A frozen model as data plus one pure function.

    Attributes:
        card: the card of what was built (a tiny architecture has its own layers and widths).
        params: pytree of arrays, already cast to the compute dtype where that is wanted.
        encode: `(params, wave [B S]) -> [B L T D]`, or a tuple with one `[B T_l D_l]` per layer
            where layers differ; float32 out, jit-able, static shapes, no state. S is the lead and
            a window.
        weights_sha256: what identifies the weights in fingerprints; 'random-<seed>' for those.
        host: True where `encode` is no jax program but runs on the host, numpy to numpy, always
            with a tuple; `compiled` leaves it as it is.
    """

    card: Card
    params: Params
    encode: Callable[..., Any]
    weights_sha256: str
    host: bool = False


# (card, weights, arch, dtype, seed, and options where the card has some) -> Encoder; see `load`.
BuildFn = Callable[..., Encoder]

ENCODERS = Registry(
    'encoder',
    {
        'fbank_chroma': 'jaxprobe.encoders.fbank_chroma.card:CARD',
        'toy_conformer': 'jaxprobe.encoders.toy_conformer.card:CARD',
        'musicnn_msd': 'jaxprobe.encoders.musicnn.card:MUSICNN_MSD',
        'musicnn_mtt': 'jaxprobe.encoders.musicnn.card:MUSICNN_MTT',
        'musicnn_msd_big': 'jaxprobe.encoders.musicnn.card:MUSICNN_MSD_BIG',
        'vgg_msd': 'jaxprobe.encoders.musicnn.card:VGG_MSD',
        'vgg_mtt': 'jaxprobe.encoders.musicnn.card:VGG_MTT',
        'muq': 'jaxprobe.encoders.muq.card:MUQ',
        'musicfm_msd': 'jaxprobe.encoders.muq.card:MUSICFM_MSD',
        'musicfm_fma': 'jaxprobe.encoders.muq.card:MUSICFM_FMA',
        'hubert_base': 'jaxprobe.encoders.hubert.card:HUBERT_BASE',
        'musichubert': 'jaxprobe.encoders.hubert.card:MUSICHUBERT',
        'mert_v0': 'jaxprobe.encoders.hubert.card:MERT_V0',
        'mert_v0_public': 'jaxprobe.encoders.hubert.card:MERT_V0_PUBLIC',
        'mert_v1_95m': 'jaxprobe.encoders.hubert.card:MERT_V1_95M',
        'mert_v1_330m': 'jaxprobe.encoders.hubert.card:MERT_V1_330M',
        'data2vec_audio_base': 'jaxprobe.encoders.data2vec.card:DATA2VEC_AUDIO_BASE',
        'data2vec_audio_base_960h': 'jaxprobe.encoders.data2vec.card:DATA2VEC_AUDIO_BASE_960H',
        'music2vec': 'jaxprobe.encoders.data2vec.card:MUSIC2VEC',
        'clmr': 'jaxprobe.encoders.clmr.card:CLMR',
        'vggish': 'jaxprobe.encoders.vggish.card:VGGISH',
        'openl3': 'jaxprobe.encoders.openl3.card:OPENL3',
        'neuralfp': 'jaxprobe.encoders.neuralfp.card:NEURALFP',
        'mule': 'jaxprobe.encoders.mule.card:MULE',
        'effnet_discogs': 'jaxprobe.encoders.effnet_discogs.card:EFFNET_DISCOGS',
        'effnet_discogs_style': 'jaxprobe.encoders.effnet_discogs.card:EFFNET_DISCOGS_STYLE',
        'jukebox_5b': 'jaxprobe.encoders.jukebox.card:JUKEBOX_5B',
    },
    group='jaxprobe.encoders',
)


def card(name: str, options: Options | None = None) -> Card:
    """Reads an encoder's card; imports no model.

    Args:
        name: a registered name, or the dotted path of a `Card`.
        options: of this encoder; what they leave out keeps its default.

    Raises:
        ConfigError: the name, an option or a value is unknown.
    """
    found = ENCODERS.load(name)
    if not isinstance(found, Card):
        raise ConfigError(
            f'encoder {name!r} is a {type(found).__name__}, not a Card. A dotted path names the '
            f'card of an encoder; the card says in `build` how it is made.'
        )
    return configured(found, choices.complete(found.name, found.options, options or {}))


def configured(found: Card, complete: Options) -> Card:
    """The card under a value for every option."""
    if not found.configure:
        return found
    return load_path(found.configure, 'encoder')(found, complete)


def compiled(encoder: Encoder) -> Callable[..., Any]:
    """The encoder's `encode` as one compiled program, or as it is where it runs on the host."""
    if encoder.host:
        return encoder.encode
    import jax

    return jax.jit(encoder.encode)


def load(
    name: str,
    *,
    weights: str = '',
    arch: str = '',
    dtype: str = 'float32',
    seed: int = 0,
    options: Options | None = None,
) -> Encoder:
    """Builds an encoder and fills it with weights.

    Args:
        name: a registered name, or the dotted path of a `Card`.
        weights: '' for the published file (cache or folder named on the card), 'random' for
            weights drawn from `seed`, else a file or folder in the authors' own format.
        arch: '' for the published architecture, 'tiny' for a small one of the same code, else
            a `config.json` of the reference.
        dtype: 'float32' or 'bfloat16', the compute dtype.
        seed: for `weights='random'`.
        options: of this encoder; what they leave out keeps its default.

    Returns:
        The encoder; `encode` returns float32 whatever the compute dtype.

    Raises:
        ConfigError: an unknown name, option, dtype or architecture.
        WeightsError: the file is absent, damaged or belongs to another model; all
            mismatches are in one message.
    """
    found = card(name, options)
    build = load_path(found.build, 'encoder')
    more: Mapping[str, Any] = {}
    if found.options:
        more = {'options': choices.complete(found.name, found.options, options or {})}
    return build(found, weights=weights, arch=arch, dtype=dtype, seed=seed, **more)
