"""MUSDB18: vocals, drums, bass and the rest of 150 songs, from their mixture.

What `musdbconvert` writes is read, `{train,valid,test}/<track>/{vocals,drums,bass,other,mixture}
.wav` or without `valid`, and MUSDB18-HQ as its owner packs it. Without a folder `valid` the 14
tracks that the `musdb` package calls so are taken from training: 86 / 14 / 50.

What differs from MARBLE v1, whose own code for this task does not run (spec/tasks.md, 7.10), is in
`DEPARTURES`.
"""

from pathlib import Path

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import defaults, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Stems, Task

LABELS = ('vocals', 'drums', 'bass', 'other')
MIXTURE = 'mixture'
DIRECTIONS = ('uni', 'bi')

# `validation_tracks` of musdb 0.4.3, configs/mus.yaml.
VALIDATION = (
    'Actions - One Minute Smile',
    'Clara Berry And Wooldog - Waltz For My Victims',
    'Johnny Lokke - Promises & Lies',
    'Patrick Talbot - A Reason To Leave',
    'Triviul - Angelsaint',
    'Alexander Ross - Goodbye Bolero',
    'Fergessen - Nos Palpitants',
    'Leaf - Summerghost',
    'Skelpolu - Human Mistakes',
    'Young Griffo - Pennies',
    'ANiMAL - Rockshow',
    'James May - On The Line',
    'Meaxic - Take A Step',
    'Traffic Experiment - Sirens',
)

DEPARTURES = (
    (
        'training sees fixed windows of 6 s of the true mixtures, each once an epoch (v1: 64 '
        'random segments of a track, stems of different songs mixed at random, gains drawn, '
        'channels swapped, for which the encoder would have to run in every step)'
    ),
    (
        'the epoch is chosen by the loss on validation windows (v1 names valid_aucroc, which '
        'separation does not have); among cells the one with the best sdr on validation is selected'
    ),
    (
        "embeddings are stored at the encoder's own rate where that is under 75 Hz: each then "
        'answers for several frames of spectra'
    ),
)

_PLACES = ('musdb18', 'musdb18hq', 'musdb18-hq', 'MUSDB18', 'MUSDB18-HQ', 'MUSDB18HQ', '.')


def separation(
    direction: str = 'uni', lstm_layers: int = 3, rate: int = 24000, n_fft: int = 2048
) -> Task:
    """Four targets, GlobalSDR, MARBLE v1's head and numbers.

    Args:
        direction: of the head's LSTM: 'uni' as v1's code has it, 'bi' as the paper says.
        lstm_layers: of the head.
        rate: Hz that mixture and stems are resampled to, whatever the encoder hears.
        n_fft: samples of a transform; the hop is the rate by the protocol's `frame_rate`.

    Raises:
        ConfigError: a direction or a number of layers that there is not.
    """
    check_head('musdb18', direction, lstm_layers)
    return Task(
        name='musdb18',
        kind=Kind.SEPARATION,
        labels=LABELS,
        metrics=defaults.metrics(Kind.SEPARATION, LABELS),
        card=_CARD,
        protocol=defaults.protocol(Kind.SEPARATION),
        prepare=owners.preparing(_CARD, Kind.SEPARATION, LABELS, items, notes=DEPARTURES),
        items=items,
        options={
            'direction': direction,
            'lstm_layers': lstm_layers,
            'rate': rate,
            'n_fft': n_fft,
        },
    )


def check_head(task: str, direction: str, lstm_layers: int) -> None:
    """Refuses a head that there is not.

    Raises:
        ConfigError: names the option and what would do.
    """
    if direction not in DIRECTIONS:
        raise ConfigError(
            f'{task}: direction={direction!r} must be one of {", ".join(DIRECTIONS)}.'
        )
    if lstm_layers < 1:
        raise ConfigError(f'{task}: lstm_layers={lstm_layers} must be at least 1.')


def items(data_dir: Path) -> list[Item]:
    """Lists the tracks by split and name; which of their files are missing, `prepare` says.

    Raises:
        DataError: there are no folders of tracks.
    """
    root = owners.root(data_dir, _PLACES, 'train', _CARD)
    named = (root / 'valid').is_dir()
    listed = []
    for folder in ('train', 'valid', 'test') if named else ('train', 'test'):
        for track in _tracks(root / folder):
            chosen = track.name in VALIDATION and not named and folder == 'train'
            listed.append(_item(track, 'valid' if chosen else folder))
    if not listed:
        packed = sum(1 for _ in root.glob('t*/*.stem.mp4'))
        what = f'{packed} .stem.mp4 files, which musdbconvert turns into wav' if packed else 'none'
        raise DataError(f'{root}: folders of tracks are expected in train and test; found {what}.')
    return sorted(listed, key=lambda item: (SPLITS.index(item.split), item.id))


def _tracks(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith('.')]


def _item(track: Path, split: str) -> Item:
    stems = Stems(tuple(track / f'{label}.wav' for label in LABELS))
    artist, *_ = track.name.split(' - ')
    return Item(track.name, track / f'{MIXTURE}.wav', split, stems, group=artist)


_CARD = DatasetCard(
    name='musdb18',
    title='MUSDB18, four stems of songs',
    homepage='https://sigsep.github.io/datasets/musdb.html',
    licence=(
        'for education and research; tracks of MedleyDB (46 of 150) are CC BY-NC-SA 4.0, others '
        'as the homepage lists them'
    ),
    citation=(
        'Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis and R. Bittner. The MUSDB18 corpus '
        'for music separation. 2017. https://doi.org/10.5281/zenodo.1117372'
    ),
    how_to_get=(
        'From zenodo take musdb18hq.zip (record 3338373) and unpack it as musdb18 below the data '
        'directory: musdb18/train/<track>/mixture.wav; or take musdb18.zip (record 1117372) and '
        'turn its .stem.mp4 files into wav with `musdbconvert IN OUT` of the musdb package.'
    ),
    folder='musdb18',
    split_source="the owner's train and test; 14 validation tracks as the musdb package lists them",
    items={'train': 86, 'valid': 14, 'test': 50},
    hours=9.8,
    departures=DEPARTURES,
)
