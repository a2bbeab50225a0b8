"""What a config file may say, with every default, and the modes every file understands.

A config file is a lab note: it takes `base()`, says what differs, and returns it. Nothing here
imports jax, so reading a config costs milliseconds. `jaxprobe.plan` is the only reader.
"""

import difflib
from collections.abc import Iterator
from typing import Any

from ml_collections import ConfigDict

from jaxprobe.core.errors import ConfigError, suggest

Settings = Any  # A ConfigDict, whose fields no type checker can know.

MODES = ('full', 'smoke')

LEARNING_RATES = (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)  # MARBLE's six.


def encoder(name: str, **options: object) -> Settings:
    """One encoder with its options; the defaults are the published model, exactly."""
    c: Settings = ConfigDict()
    c.name = name  # A name of `jaxprobe ls encoders`, or `package.module:build`.
    c.weights = ''  # '' the published file; 'random' from the seed; else a file or folder.
    c.arch = ''  # '' the published architecture; 'tiny'; else a config.json.
    c.layers = 'all'  # Kept in the store: 'all', or names and indices separated by commas.
    c.sources = 'all'  # Probed: each layer kept and `mix`; else names, '0-3' is a mean.
    c.dtype = 'float32'  # 'float32' or 'bfloat16'; part of the fingerprint.
    c.preset = ''  # A peer's or paper's way with windows: `jaxprobe ls encoders NAME` lists them.
    c.options = ''  # 'name=value,other=value', beside or over the preset's; '' the defaults.
    c.window_seconds = 0.0  # 0: what the task or, where it is fixed, the encoder asks for.
    c.limit = 0  # Items per split of this one alone, for a control that is dear; 0: all.
    return _update(c, options, 'encoder')


def base() -> Settings:
    """Returns every setting with its default."""
    c: Settings = ConfigDict()
    c.seed = 0  # Root of every other seed.
    c.data_dir = ''  # Owners' layouts live below it; '' means $JAXPROBE_DATA.
    c.store_dir = ''  # Stores are shared by runs; '' means <workdir>/../stores.
    c.limit = 0  # Items per split, for trials only; 0 means all. Marked in every result.

    c.encoder = encoder('')
    c.beside = ConfigDict()  # Encoders to probe beside it: label -> encoder(...).
    c.tasks = ConfigDict()  # Task name -> options of that task, {} for its own protocol.
    c.skip_missing = False  # Run the encoders and tasks that are here, name the others; else all.

    c.manifest = ''  # The user's own labels: CSV or JSONL; makes the task `own_data`.
    c.kind = ''  # What they are: multiclass, multilabel, regression or key.

    c.extract = ConfigDict()
    c.extract.batch_windows = 0  # Windows per device step; 0 chooses from the window length.
    c.extract.dtype = 'float32'  # Of the stored embeddings: 'float32' or 'bfloat16'.
    c.extract.pooling = 'mean'  # Over a window's frames; 'mean,mean+std,max' keeps layers of each.
    c.extract.on_error = 'stop'  # 'stop' with the list, or 'quarantine'.
    c.extract.threads = 0  # Decoding threads; 0 means one per core.
    c.extract.shard_minutes = 0.0  # Audio per shard, what a kill can cost; 0: 30, or 16 batches.

    c.probe = ConfigDict()
    c.probe.learning_rates = LEARNING_RATES
    c.probe.seeds = 1  # Replicates: they are averaged, never chosen among.
    c.probe.epochs = 0  # 0: the task's own number.
    c.probe.data = 'auto'  # 'resident', 'streamed', or 'auto' by the device's memory.
    c.probe.max_cells = 0  # Cells trained at once; 0 chooses from the device's memory.
    c.probe.spread = 'auto'  # Over all processes: banks one cannot hold or all would wait for.
    c.probe.checkpoint_minutes = 10.0  # What a kill can cost a bank; 0 keeps nothing.
    c.probe.decode_budget = 2e11  # Steps of beat decoding; beyond it selected cells are decoded.
    c.probe.logits_dtype = 'float32'  # Of the stored logits: 'float32' or 'float16'.
    c.probe.tf32 = False  # Departure: matrix products of probes in TF32, on GPUs that have it.
    c.probe.standardise = False  # Departure: rows by mean and deviation of the training rows.
    c.probe.pca = 0  # Departure: principal components kept of every layer; 0 keeps the layer.

    c.analyse = ConfigDict()
    c.analyse.resamples = 2000  # Bootstrap resamples behind every interval.

    c.study = ConfigDict()  # What else to ask of the same embeddings; each adds, none changes.
    c.study.shuffled = False  # Control: the same bank on shuffled training labels.
    c.study.fractions = ()  # Label efficiency: shares of the training items, such as (0.01, 0.1).
    c.study.heads = ''  # Other heads, separated by commas: `jaxprobe ls heads`.
    c.study.contexts = ()  # Seconds of audio whose windows are averaged into one row.
    c.study.closed_form = False  # Ridge and LDA, which have no learning rate.
    c.study.deform = ''  # Deformed test audio, separated by commas: `jaxprobe ls deformations`.
    c.study.similarity = ''  # PWCCA, SVCCA and CKA of 'input', 'layers', 'encoders'; 'layers@TASK'.
    c.study.projection = False  # Two principal components of every layer, to be looked at.
    return c


def check_mode(mode: str, known: tuple[str, ...] = MODES) -> str:
    """Returns the mode, or raises: a config file must not take a misspelt mode for its default.

    Raises:
        ConfigError: the mode is unknown; the message lists the near ones.
    """
    if mode not in known:
        raise ConfigError(f'config mode {mode!r} is unknown. {suggest(mode, known)}')
    return mode


def is_smoke(mode: str) -> bool:
    """True for ':smoke', False for the full run.

    Raises:
        ConfigError: any other mode.
    """
    return check_mode(mode) == 'smoke'


def shrink(c: Settings) -> None:
    """Makes any config a smoke run: tiny random encoders, one small synthetic task, two epochs.

    It walks the full path of the program in seconds and needs no data and no weights; what it
    prints says nothing about the models.
    """
    for chosen in (c.encoder, *c.beside.values()):
        if chosen.name != 'fbank_chroma':  # Signal processing: it has no weights to draw.
            chosen.weights, chosen.arch = 'random', 'tiny'
        chosen.window_seconds, chosen.preset = 0.0, ''
        chosen.layers = chosen.sources = 'all'  # A tiny one has fewer.
    c.tasks = {'synth_instrument': {'items': (24, 12, 12)}}
    c.probe.epochs = 2
    c.probe.seeds = 2
    c.probe.learning_rates = LEARNING_RATES[3:5]


def _update(c: Settings, options: dict[str, object], what: str) -> Settings:
    for key, value in options.items():
        if key not in c:
            raise ConfigError(f'{what} has no option {key!r}. {suggest(key, c.keys())}')
        c[key] = value
    return c


def fields(c: Settings, prefix: str = '') -> Iterator[str]:
    """Yields the dotted name of every setting, for suggestions on the command line."""
    for key, value in c.items():
        if isinstance(value, ConfigDict):
            yield from fields(value, f'{prefix}{key}.')
        yield f'{prefix}{key}'


def nearest_field(c: Settings, name: str) -> str:
    """Names the settings nearest to a misspelt one, or '' where none is near."""
    near = difflib.get_close_matches(name, list(fields(c)), n=3, cutoff=0.6)
    return ', '.join(near)
