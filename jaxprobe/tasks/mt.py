"""MT: three properties of pop songs by the majority of raters; labels by rule, data your own.

The layer-wise paper probes a private set of 4000 samples: whether listeners prefer a song
(`mt_mpc`), whether it is rap (`mt_rd`), whether its sound is good (`mt_sqc`). Nobody outside has
it; here are its rules, for ratings of the user's own:

    path,rating_1,rating_2,...     a column per rater: those that begin with `rating`, or the ones
                                   that `raters=ann,bob,eve` names; an empty field is no answer
    path,rating                    or a row per answer, a path repeated for every rater

Optional columns: `id`, `split` (train, valid, test), `group` (artist; samples of a group share a
part), `start` and `duration` in seconds. The table is `mt/mpc.csv` (rd.csv, sqc.csv) below the
data directory, or where `ratings=FILE` says; paths are relative to it. JSONL is read as well. All
mistakes are reported in one message, with their lines.

    mt_mpc   ratings 0, 1, 2; a mean over 1 is `preferred`
    mt_rd    ratings 0, 1, 2; a mean under 0.67 is `rap`, over 1.34 `non-rap`, else `mix`
    mt_sqc   ratings 0, 1; a mean over 0.5 is `good`

The paper gives over 1 for `mt_sqc` too, which the mean of zeros and ones never is: every sample
would be bad. A threshold of 1 or more is refused; ours is the middle.

Parts are 3:1:1 as in the paper. It does not say how: where there is no column `split`, sha1 of the
group (the id, where there is none) modulo 5 puts 3 in validation, 4 in the test.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import defaults, manifest_items, manifest_rows, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Task
from jaxprobe.tasks.manifest_rows import Mistakes, Row

_PARTS, _VALID, _TEST = 5, 3, 4

Rule = Callable[[float], int]  # Mean rating -> class.


def mpc(threshold: float = 1.0, ratings: str = '', raters: str = '') -> Task:
    """Whether a song is preferred, accuracy.

    Args:
        threshold: a mean rating (0 to 2) over it is `preferred`.
        ratings: the table; '' is mt/mpc.csv below the data directory.
        raters: columns of ratings, separated by commas; '' takes those that begin with `rating`.
    """
    _check('mt_mpc', {'threshold': threshold}, most=2)
    table = _Table('mpc', ratings, raters, most=2, rule=lambda mean: int(mean > threshold))
    return _task('mt_mpc', ('non-preferred', 'preferred'), table, {'threshold': threshold})


def rd(low: float = 0.67, high: float = 1.34, ratings: str = '', raters: str = '') -> Task:
    """Whether a song is rap, accuracy.

    Args:
        low: a mean rating (0 to 2) under it is `rap`.
        high: a mean rating over it is `non-rap`; what lies between is `mix`.
        ratings: the table; '' is mt/rd.csv below the data directory.
        raters: columns of ratings, separated by commas; '' takes those that begin with `rating`.
    """
    _check('mt_rd', {'low': low, 'high': high}, most=2)
    if low > high:
        raise ConfigError(f'mt_rd: low={low} is over high={high}; means between them are `mix`.')
    table = _Table(
        'rd', ratings, raters, most=2, rule=lambda mean: 0 if mean < low else 1 + (mean > high)
    )
    return _task('mt_rd', ('rap', 'mix', 'non-rap'), table, {'low': low, 'high': high})


def sqc(threshold: float = 0.5, ratings: str = '', raters: str = '') -> Task:
    """Whether a song sounds good, accuracy.

    Args:
        threshold: a mean rating (0 to 1) over it is `good`.
        ratings: the table; '' is mt/sqc.csv below the data directory.
        raters: columns of ratings, separated by commas; '' takes those that begin with `rating`.

    Raises:
        ConfigError: the threshold is one that no mean of ratings exceeds, such as the paper's.
    """
    if threshold >= 1:
        raise ConfigError(
            f'mt_sqc: threshold={threshold}: raters give 0 or 1, so that no mean is over 1 and '
            f'every sample would be bad. The paper prints this rule (mean > 1 is good); it cannot '
            f'be what was done. The default is 0.5.'
        )
    _check('mt_sqc', {'threshold': threshold}, most=1)
    table = _Table('sqc', ratings, raters, most=1, rule=lambda mean: int(mean > threshold))
    return _task('mt_sqc', ('bad', 'good'), table, {'threshold': threshold})


@dataclasses.dataclass(frozen=True)
class _Table:
    """Where ratings are, and what they mean: `most` is the highest there is."""

    name: str
    ratings: str
    raters: str
    most: int
    rule: Rule

    def path(self, data_dir: Path) -> Path:
        return Path(self.ratings).expanduser() if self.ratings else data_dir / f'mt/{self.name}.csv'


def _check(name: str, thresholds: Mapping[str, float], most: int) -> None:
    for option, value in thresholds.items():
        if not 0 <= value < most:
            raise ConfigError(
                f'{name}: {option}={value} must be at least 0 and under {most}: ratings are 0 to '
                f'{most}, and their means no more.'
            )


def _task(
    name: str, labels: tuple[str, ...], table: _Table, thresholds: Mapping[str, float]
) -> Task:
    card = _card(table.name)

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, table)

    return Task(
        name=name,
        kind=Kind.MULTICLASS,
        labels=labels,
        metrics=defaults.metrics(Kind.MULTICLASS, labels),
        card=card,
        protocol=defaults.protocol(Kind.MULTICLASS),
        prepare=owners.preparing(card, Kind.MULTICLASS, labels, listed, notes=card.departures),
        items=listed,
        options={**thresholds, 'ratings': table.ratings, 'raters': table.raters},
    )


def items(data_dir: Path, table: _Table) -> list[Item]:
    """Lists the rated samples in the order of the table.

    Raises:
        DataError: it is not there, or cannot be used; all mistakes are in the message.
    """
    path = table.path(data_dir)
    if not path.is_file():
        raise DataError(f'{path} is not a file. {_card(table.name).how_to_get}')
    mistakes = Mistakes(path)
    columns, rows = manifest_rows.read(path, mistakes)
    wanted = _raters(columns, table.raters, mistakes)
    mistakes.raise_any()
    found: dict[str, tuple[Row, list[float]]] = {}
    for row in rows:
        name = _text(row, 'id') or _text(row, 'path')
        if not _text(row, 'path'):
            mistakes.add(row.line, 'path is empty')
        own = found.setdefault(name, (row, []))
        if _facts(own[0]) != _facts(row):
            mistakes.add(row.line, f'{name!r} differs from line {own[0].line} in more than ratings')
        own[1].extend(_ratings(row, wanted, table.most, mistakes))
    listed = [
        _item(path.parent, name, row, answers, table.rule, mistakes)
        for name, (row, answers) in found.items()
    ]
    mistakes.raise_any()
    return listed


def split_of(name: str) -> str:
    """The part of a group or a sample, by sha1.

    >>> [split_of(name) for name in ('a', 'd', 'f')]
    ['train', 'valid', 'test']
    """
    number = int(hashlib.sha1(name.encode()).hexdigest(), 16) % _PARTS
    return {_VALID: 'valid', _TEST: 'test'}.get(number, 'train')


def _raters(columns: Sequence[str], named: str, mistakes: Mistakes) -> list[str]:
    wanted = [name.strip() for name in named.split(',') if name.strip()]
    for name in [n for n in ('path', *wanted) if columns and n not in columns]:
        mistakes.add(1, f'column {name!r} is missing; there are {", ".join(columns)}')
    wanted = wanted or [name for name in columns if name.lower().startswith('rating')]
    if columns and not wanted:
        mistakes.add(
            1, 'no column of ratings: name them rating, or rating_1, rating_2, ..., or in `raters`'
        )
    return wanted


def _facts(row: Row) -> tuple[str, ...]:
    return tuple(_text(row, c) for c in ('path', 'split', 'group', 'start', 'duration'))


def _text(row: Row, column: str) -> str:
    value = row.values.get(column)
    return '' if value is None else str(value).strip()


def _ratings(row: Row, wanted: Sequence[str], most: int, mistakes: Mistakes) -> list[float]:
    found = []
    for column in wanted:
        text = _text(row, column)
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            mistakes.add(row.line, f'{column}={text!r} is not a rating from 0 to {most}')
        found.append(value)
    return found


def _item(
    folder: Path,
    name: str,
    row: Row,
    answers: Sequence[float],
    rule: Rule,
    mistakes: Mistakes,
) -> Item:
    if not answers:
        mistakes.add(row.line, f'{name!r} has no rating')
    group, split = _text(row, 'group'), _text(row, 'split')
    if 'split' in row.values and split not in SPLITS:
        mistakes.add(row.line, f'split {split!r} is not train, valid or test')
    return Item(
        id=name,
        path=folder / _text(row, 'path'),
        split=split or split_of(group or name),
        target=rule(math.fsum(answers) / max(len(answers), 1)),
        start=manifest_items.seconds(row, 'start', mistakes) or 0.0,
        duration=manifest_items.seconds(row, 'duration', mistakes),
        group=group,
    )


_PRIVATE = (
    "the paper's samples and ratings are private: a score on yours cannot be compared with its 62 "
    'to 91 %'
)
_SQC = (
    (
        'the paper calls a sound good where the mean of ratings 0 and 1 is over 1, which none is; '
        'ours is over 0.5'
    ),
)


def _card(name: str) -> DatasetCard:
    return DatasetCard(
        name=f'mt_{name}',
        title=f'MT, {_TITLES[name]}, on your own ratings',
        homepage='jaxprobe/tasks/mt.py',
        licence='yours; the data of the paper are private',
        citation=(
            'the layer-wise study of MusicFM and MuQ (spec/tasks.md, 7.11) for the rules; '
            'the data are yours'
        ),
        how_to_get=(
            f'The data of the paper are private. Write your own ratings to mt/{name}.csv below the '
            f'data directory, with columns path and rating_1, rating_2, ..., or a row per answer '
            f'with path and rating; or say where they are with ratings=FILE.'
        ),
        folder=f'mt/{name}.csv',
        split_source=(
            'column `split`, or 3:1:1 by sha1 of the group (or id) modulo 5: 3 validates, 4 tests'
        ),
        items={'train': 2400, 'valid': 800, 'test': 800},
        hours=0.0,
        departures=(_PRIVATE, *(_SQC if name == 'sqc' else ())),
    )


_TITLES = {
    'mpc': 'whether listeners prefer a song',
    'rd': 'whether it is rap',
    'sqc': 'whether its sound is good',
}
