from pathlib import Path

import pytest

from jaxprobe.tasks import audit
from jaxprobe.tasks.base import SPLITS, Beats, Item, Kind, Segments

LABELS = ('x', 'y', 'z')


@pytest.fixture
def folder(tmp_path):
    for name in ('a', 'b', 'c', 'd', 'e', 'f'):
        (tmp_path / f'{name}.wav').write_bytes(b'RIFF')
    return tmp_path


def good(folder):
    return [
        Item('a', folder / 'a.wav', 'train', 0, group='g1'),
        Item('b', folder / 'b.wav', 'train', 1, group='g2'),
        Item('c', folder / 'c.wav', 'valid', 0, group='g3'),
        Item('d', folder / 'd.wav', 'test', 1, group='g4'),
    ]


def survey(items, kind=Kind.MULTICLASS, **more):
    return audit.survey(items, kind, LABELS, **more)


def test_nothing_to_say(folder):
    found = survey(good(folder), excluded={'q': 'broken'}, notes=('hello',))
    assert found.usable
    assert found.found == found.expected == {'train': 2, 'valid': 1, 'test': 1}
    assert (found.missing, found.notes) == ((), ('hello',))
    assert found.excluded == {'q': 'broken'}
    assert len(found.split_sha256) == 64


def test_missing_files_are_all_listed_in_order(folder):
    more = [Item(f'm{k}', folder / f'm{k}.wav', 'train', 0) for k in (2, 1)]
    found = survey([*good(folder), *more])
    assert found.missing == (str(folder / 'm2.wav'), str(folder / 'm1.wav'))
    assert found.found['train'] == 2
    assert found.expected['train'] == 4
    assert found.usable  # Half of train is there; extraction decides what to do about the rest.
    assert not survey([*good(folder), *more, Item('m', folder / 'm', 'train', 0)]).usable


def test_a_folder_is_no_file(folder):
    (folder / 'g.wav').mkdir()
    items = [*good(folder), Item('g', folder / 'g.wav', 'train', 0)]
    assert survey(items).missing == (str(folder / 'g.wav'),)


def test_a_split_without_items_is_not_usable(folder):
    assert not survey(good(folder)[:3]).usable


def test_duplicate_ids(folder):
    found = survey([*good(folder), Item('a', folder / 'e.wav', 'train', 1)])
    assert not found.usable
    assert 'more than once: a' in found.notes[0]


def test_empty_files_are_noted(folder):
    (folder / 'a.wav').write_bytes(b'')
    (note,) = survey(good(folder)).notes
    assert 'empty (0 bytes)' in note
    assert 'a.wav' in note


@pytest.mark.parametrize(
    ('test_part', 'leaks'),
    [((0.0, None), True), ((9.0, 5.0), True), ((10.0, 5.0), False), ((30.0, 1.0), False)],
)
def test_the_same_audio_in_two_splits(folder, test_part, leaks):
    start, duration = test_part
    song = folder / 'e.wav'
    items = [
        *good(folder),
        Item('e1', song, 'train', 0, start=0.0, duration=10.0),
        Item('e0', song, 'train', 0, start=2.0, duration=1.0),
        Item('e2', song, 'test', 1, start=start, duration=duration),
    ]
    notes = [note for note in survey(items).notes if 'same audio' in note]
    assert bool(notes) == leaks
    if leaks:
        assert 'e1 (train)' in notes[0]
        assert 'e2 (test)' in notes[0]


def test_groups_that_cross_splits(folder):
    items = [*good(folder), Item('e', folder / 'e.wav', 'test', 0, group='g1')]
    (note,) = survey(items).notes
    assert note.startswith('1 groups are in both train and test: g1')


def test_a_class_never_trained_on(folder):
    items = [*good(folder), Item('e', folder / 'e.wav', 'test', 2)]
    (note,) = survey(items).notes
    assert note == '1 labels of test have no example in train: z'


def test_one_target_only(folder):
    items = [Item(n, folder / f'{n}.wav', s, 1) for n, s in zip('abc', ('train', 'valid', 'test'))]
    found = survey(items)
    assert not found.usable
    assert 'nothing to learn' in found.notes[0]


def test_tags(folder):
    where = ('train', 'train', 'valid', 'valid', 'test', 'test')
    tags = ((0, 1), (2,), (0,), (), (0, 1), (1,))
    items = [
        Item(n, folder / f'{n}.wav', s, t) for n, s, t in zip('abcdef', where, tags, strict=True)
    ]
    found = survey(items, Kind.MULTILABEL)
    assert found.usable
    assert found.notes == (
        '2 tags have no example in valid and are left out of its macro means: y, z',
        '1 tags have no example in test and are left out of its macro means: z',
    )
    items[4] = Item('e', folder / 'e.wav', 'test', (1,))
    found = survey(items, Kind.MULTILABEL)
    assert not found.usable
    assert found.notes[0].startswith('in test no tag both holds and fails')


def test_some():
    assert audit.some(['a', 'b']) == 'a, b'
    assert audit.some(list('abcdefg'), show=2) == 'a, b and 5 more'
    assert audit.some([Path('x')]) == 'x'


def test_findings_of_a_sound_split_are_zeros(folder):
    items = good(folder)
    found = audit.findings(items, Kind.MULTICLASS, LABELS, [(str(k),) for k in range(4)])
    assert found['same_audio_across_splits'] == found['duplicate_ids'] == found['unhashed'] == 0
    assert found['groups_across_splits'] == {}
    assert found['untrained_labels'] == []
    assert found['labels_without_positive']['test'] == ['x', 'z']


def test_findings_count_every_fault(folder):
    items = [
        *good(folder),
        Item('d', folder / 'e.wav', 'test', 2, group='g1'),
        Item('f', folder / 'f.wav', 'valid', 0, more=(folder / 'a.wav',)),
    ]
    # The test's copy of b has other bytes and the same samples; f has a file of a's.
    audio = [('1',), ('2',), ('',), ('2',), ('5',), ('6', '1')]
    found = audit.findings(items, Kind.MULTICLASS, LABELS, audio)
    assert found['same_audio_across_splits'] == 2
    assert set(found['examples']) == {'a (train) and f (valid)', 'b (train) and d (test)'}
    assert found['unhashed'] == 1
    assert found['groups_across_splits'] == {'train/test': 1}
    assert found['duplicate_ids'] == 1
    assert found['untrained_labels'] == ['z']


def test_a_constant_column_is_found(folder):
    rows = [(1.0, 2.0, 0.0), (1.0, 3.0, 0.5), (0.5, 1.0, 1.0), (1.0, 2.0, 2.0)]
    splits = ('train', 'train', 'valid', 'test')
    items = [Item(f'{k}', folder / 'a.wav', s, t) for k, (s, t) in enumerate(zip(splits, rows))]
    found = audit.findings(items, Kind.REGRESSION, LABELS)
    assert found['constant_targets']['train'] == ['x']
    assert any('cannot be learned' in note for note in survey(items, Kind.REGRESSION).notes)


def test_an_item_lacks_audio_where_one_of_its_files_does(folder):
    more = (folder / 'e.wav', folder / 'gone.wav')
    found = survey([*good(folder), Item('e', folder / 'f.wav', 'train', 0, more=more)])
    assert found.missing == (str(folder / 'gone.wav'),)
    assert (found.found['train'], found.expected['train']) == (2, 3)


def test_frames_of_one_item_are_enough_to_learn_from(folder):
    def items(*targets):
        parts = zip('abc', SPLITS, targets, strict=True)
        return [Item(name, folder / 'a.wav', split, target) for name, split, target in parts]

    both, one = Segments((0.0, 1.0), (0, 1), 2.0), Segments((0.0, 1.0), (0, -1), 2.0)
    beats, none = Beats((0.5,), ()), Beats((), ())
    for kind, good, bad in ((Kind.FRAMES, both, one), (Kind.BEATS, beats, none)):
        labels = ('x', 'y')
        assert not any(
            'to learn' in n for n in audit.survey(items(good, bad, bad), kind, labels).notes
        )
        found = audit.survey(items(bad, good, good), kind, labels)
        assert any('nothing to learn' in note for note in found.notes)
        assert not found.usable


def test_a_name_that_no_file_can_have_is_missing(tmp_path):
    items = [Item(s, tmp_path / (60 * s), s, k) for k, s in enumerate(SPLITS)]
    found = audit.survey(items, Kind.MULTICLASS, ('a', 'b', 'c'))
    assert len(found.missing) == 3
