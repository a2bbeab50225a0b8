import dataclasses
from pathlib import Path
from types import SimpleNamespace as Object

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import collected, registry, targets
from jaxprobe.tasks.base import Beats, Kind, Segments
from jaxprobe.tasks.collected import Found


def found(*values):
    return [Found(f'{k}', Path(f'{k}.wav'), 'train', value) for k, value in enumerate(values)]


def test_classes_are_ordered_as_numbers_and_words():
    made = collected.collect(found('10', 9, np.str_('a'), b'9', ['x']), Kind.MULTICLASS)
    assert made.labels == ('9', '10', 'a', 'x')
    assert [item.target for item in made.items] == [1, 0, 2, 0, 3]


def test_known_labels_keep_their_order():
    made = collected.collect(found('b'), Kind.MULTICLASS, labels=('c', 'b', 'a'))
    assert (made.labels, made.items[0].target) == (('c', 'b', 'a'), 1)


def test_tags():
    made = collected.collect(found(['b', 'a'], (), {'c'}, 'a'), Kind.MULTILABEL)
    assert made.labels == ('a', 'b', 'c')
    assert [item.target for item in made.items] == [(0, 1), (), (2,), (0,)]


def test_numbers():
    values = found(3, np.array([1.5]), '2', float('nan'), None)
    made = collected.collect(values, Kind.REGRESSION, names=['tempo'])
    assert made.labels == ('tempo',)
    assert [item.target for item in made.items] == [(3.0,), (1.5,), (2.0,)]
    assert len(made.notes) == 2
    assert 'without a finite number' in made.notes[0]
    with pytest.raises(DataError, match='1 to 2 numbers'):
        collected.collect(found(1, [1, 2]), Kind.REGRESSION)


def test_keys():
    values = found('C major', ['D minor'], Object(keys=['F#:min']), ['A', 'B'], 'X', None)
    made = collected.collect(values, Kind.KEY)
    assert [item.target for item in made.items] == [0, 14, 18]
    assert set(made.notes) == {
        '1 recordings are left out: 2 labels, not one',
        '1 recordings are left out: whose key is none of the 24',
        '1 recordings are left out: without a label',
    }


def test_beats():
    beats = Object(times=np.array([1.5, 0.5, 1.0]), positions=np.array([1, 3, 4]))
    made = collected.collect(found(beats, Object(times=[1.0], positions=None)), Kind.BEATS)
    assert [item.target for item in made.items] == [Beats((0.5, 1.0, 1.5), (1.5,))]
    assert 'without beats and their positions' in made.notes[0]


def test_sections_with_gaps_and_overlaps():
    sections = Object(
        intervals=np.array([[0, 2], [2, 2], [3, 5], [3.5, 4], [4.5, 6]]),
        labels=['a', 'z', 'b', 'c', 'a'],
    )
    made = collected.collect(found(sections, None), Kind.FRAMES)
    assert made.labels == ('a', 'b', 'c')
    target = made.items[0].target
    assert target == Segments((0.0, 2.0, 3.0, 5.0), (0, -1, 1, 0), 6.0)
    task = dataclasses.replace(registry.build('own_data', {'kind': 'frames'}), labels=made.labels)
    targets.check(task, made.items)


def test_nothing_of_the_kind():
    with pytest.raises(DataError, match='no recording of 2 has a regression target: without a num'):
        collected.collect(found('a', 'b'), Kind.REGRESSION)


def test_a_dotted_path():
    track = Object(genres={'genres': ['House', 'Techno']}, title='x')
    assert collected.follow(track, 'genres.genres.1') == 'Techno'
    with pytest.raises(KeyError, match="'genre' of 'genre' is not there") as error:
        collected.follow(track, 'genre')
    assert error.value.args[1] == ['genres', 'title']
    with pytest.raises(KeyError):
        collected.follow(track, 'title.upper')


def test_order_is_by_part():
    values = [Found('b', Path('b'), 'test', 'x'), Found('a', Path('a'), 'train', 'y')]
    assert [i.id for i in collected.collect(values, Kind.MULTICLASS).items] == ['a', 'b']
