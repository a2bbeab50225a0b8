from collections import Counter, defaultdict

import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, vocalset
from tests.tasks import trees

# The 28 files that MARBLE v1 renames, by the singer it puts before their names.
NAMELESS = {
    'f2': ('lip_trill_arps', 'scales_vocal_fry', 'fast_piano_arps_f'),
    'f3': ('scales_fast_piano_f',),
    'f4': tuple(f'{c}_straight_{v}' for c in ('arpeggios', 'scales') for v in 'aeiou'),
    'f9': ('arps_fast_piano_c',),
    'm3': ('scales_lip_trill', 'arps_c_fast_piano'),
    'm8': ('row_straight',),
    'm10': tuple(f'scales_{k}_fast_piano_{v}' for k in 'cf' for v in 'aeiou'),
}


def task(name, split='paper'):
    return registry.build(f'vocalset_{name}', {'split': split})


def splits(items, key):
    found = defaultdict(Counter)
    for item in items:
        found[key(item)][item.split] += 1
    return found


def singer(item):
    return item.id.split('/')[0].replace('female', 'f').replace('male', 'm')


def test_protocol_and_labels_are_marble_v1s():
    s, t = task('singer'), task('technique')
    assert s.labels == (*(f'f{k}' for k in range(1, 10)), *(f'm{k}' for k in range(1, 12)))
    assert t.labels == (
        'belt', 'breathy', 'inhaled', 'lip_trill', 'spoken', 'straight', 'trill', 'trillo',
        'vibrato', 'vocal_fry',
    )  # fmt: skip
    for own, stop in ((s, 20), (t, 10)):
        p = own.protocol
        assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == (
            'accuracy', 5, stop, 100,
        )  # fmt: skip
        assert p.window_seconds == 2.99
        assert own.options == {'split': 'paper'}
        assert 'paper rule' in own.card.split_source  # Which a result records.


def test_28_files_get_the_singer_of_their_folder():
    names = [(who, name) for who, own in NAMELESS.items() for name in own]
    assert len(names) == 28
    for who, name in names:
        assert vocalset.full_name(f'{name}.wav', who) == f'{who}_{name}.wav'


def test_the_owners_tree(tmp_path):
    trees.vocalset_tree(tmp_path)
    found = vocalset.recordings(tmp_path)
    by_name = {r.path.name: r for r in found}
    assert by_name['row_straight.wav'].singer == 'm8'
    assert by_name['m9_caro_vibrato.wav'].singer == 'm8'  # The folder is right, the name is not.
    assert 'caro_vibrato.wav' not in by_name  # Among the five that are left out.
    assert not [name for name in by_name if name.startswith('.')]
    assert len(vocalset.BROKEN) == 5
    prepared = task('singer').prepare(tmp_path)
    assert set(prepared.excluded) == set(vocalset.BROKEN)
    assert any('paper rule' in note for note in prepared.notes)


def test_chunks_are_read_where_they_are_and_made_by_the_paper_rule_otherwise(tmp_path):
    trees.vocalset_tree(tmp_path)
    for name in ('singer', 'technique'):
        default = registry.build(f'vocalset_{name}')
        assert default.options == {'split': 'auto'}
        assert default.items(tmp_path) == task(name).items(tmp_path)
        assert any(
            "v1's chunks are not here: made by" in n for n in default.prepare(tmp_path).notes
        )
    trees.vocalset_chunks(tmp_path)
    for name in ('singer', 'technique'):
        default = registry.build(f'vocalset_{name}')
        assert default.items(tmp_path) == task(name, 'v1').items(tmp_path)
        notes = default.prepare(tmp_path).notes
        assert any(note.startswith("MARBLE v1's chunks") for note in notes)
        assert not any('recordings, the data set' in note for note in notes)


def test_a_part_of_the_recordings_is_said_to_be_one(tmp_path):
    trees.vocalset_tree(tmp_path)
    notes = task('singer').prepare(tmp_path).notes
    assert any('here has 403 recordings, the data set 3555' in note for note in notes)


def test_version_12_calls_the_tree_otherwise(tmp_path):
    trees.vocalset_tree(tmp_path)
    (tmp_path / 'vocalset/FULL').rename(tmp_path / 'vocalset/data_by_singer')
    assert task('technique').prepare(tmp_path).missing == ()


def test_paper_technique_has_9_6_5_singers(tmp_path):
    trees.vocalset_tree(tmp_path)
    items = task('technique').items(tmp_path)
    found = splits(items, singer)
    where = {who: set(parts) for who, parts in found.items()}
    assert all(len(parts) == 1 for parts in where.values())
    assert Counter(next(iter(parts)) for parts in where.values()) == {
        'train': 9, 'valid': 6, 'test': 5,
    }  # fmt: skip
    assert {w for w, parts in where.items() if parts == {'test'}} == {'f2', 'f8', 'm3', 'm5', 'm10'}
    assert set(vocalset.paper_valid_singers()) == {'f3', 'f5', 'f7', 'm2', 'm4', 'm6'}
    assert {item.group for item in items} == set(vocalset.SINGERS)
    # messa is none of the ten, vibrado none of the 17.
    assert {vocalset.TECHNIQUES[item.target] for item in items} == {
        'belt', 'lip_trill', 'straight', 'vibrato',
    }  # fmt: skip
    assert not [item for item in items if 'vibrado' in item.id]


def test_paper_singer_splits_recordings_12_8_5(tmp_path):
    trees.vocalset_tree(tmp_path)
    items = task('singer').items(tmp_path)
    assert len(items) == 20 * 4 * 5 + 2
    counts = Counter(item.split for item in items)
    for split, share in (('train', 12 / 25), ('valid', 8 / 25), ('test', 5 / 25)):
        assert counts[split] / len(items) == pytest.approx(share, abs=0.06)
    assert all(vocalset.SINGERS[item.target] == singer(item) for item in items)
    # A file's part follows its full name, not where the tree lies or what else is in it.
    drawn = vocalset.draw('straight/m8_row_straight.wav') % 25
    own = next(item for item in items if item.id.endswith('row_straight'))
    assert own.split == ('train' if drawn < 12 else 'valid' if drawn < 20 else 'test')


def test_mir_ref_technique_is_by_singer(tmp_path):
    trees.vocalset_tree(tmp_path)
    found = splits(task('technique', 'mir_ref').items(tmp_path), singer)
    assert all(len(parts) == 1 for parts in found.values())
    assert {who for who, parts in found.items() if 'valid' in parts} == {'f9', 'm9', 'm11'}
    assert {who for who, parts in found.items() if 'test' in parts} == set(vocalset.TEST_SINGERS)


def test_mir_ref_singer_is_80_10_10_within_each(tmp_path):
    trees.vocalset_tree(tmp_path)
    found = splits(task('singer', 'mir_ref').items(tmp_path), singer)
    assert all(found[who] == {'train': 16, 'valid': 2, 'test': 2} for who in ('f1', 'm11'))


def test_mir_ref_to_the_letter_repeats_its_slips(tmp_path):
    trees.vocalset_tree(tmp_path)
    own = task('technique', 'mir_ref_literal')
    items = own.items(tmp_path)
    labels = {vocalset.TECHNIQUES[item.target] for item in items if 'lip_trill' in item.id}
    assert labels == {'trill'}
    found = splits(items, lambda item: item.id.split('/')[1].split('_')[0])
    assert set(found['f9']) == set(found['m9']) == {'train', 'valid'}
    assert set(found['m10']) == set(found['m11']) == {'train'}
    assert set(found['f2']) == {'test'}
    assert 'row' not in found  # Nobody is called 'ro'.
    notes = own.prepare(tmp_path).notes
    assert any('the same audio is in two splits' in note for note in notes)


def test_marble_v1s_chunks(tmp_path):
    trees.vocalset_chunks(tmp_path)
    s, t = task('singer', 'v1'), task('technique', 'v1')
    items = s.items(tmp_path)
    assert Counter(item.split for item in items) == {'train': 8, 'valid': 8, 'test': 4}
    assert items[0].path == tmp_path / 'VocalSet/audio/belt/f1_scales_belt_train_00.wav'
    assert (items[0].target, items[0].group) == (0, 'belt/f1_scales_belt_train')
    chunk = t.items(tmp_path)[-1]
    assert (chunk.id, chunk.group) == ('lip_trill/f2_scales_lip_trill_test_01', 'f2')
    assert vocalset.TECHNIQUES[chunk.target] == 'lip_trill'
    assert t.protocol.window_seconds < 132000 / 44100  # A chunk is one window.
    found = t.prepare(tmp_path)
    assert found.missing == ()
    assert any('scored by itself' in note for note in found.notes)
    assert any('groups are in both train and valid: f1' in note for note in found.notes)


def test_chunks_are_made_nowhere_else(tmp_path):
    trees.vocalset_tree(tmp_path)
    with pytest.raises(DataError, match=r'train_s\.txt is not in .*split=paper uses'):
        task('singer', 'v1').items(tmp_path)


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('belt/scales_belt_00.wav', 'is not <technique>/<singer>'),
        ('messa/f1_long_messa_00.wav', "'messa' is none of the ten"),
        ('polka/f1_long_messa_00.wav', 'is not <technique>/<singer>'),
    ],
)
def test_a_line_that_does_not_fit_is_named(line, words, tmp_path):
    trees.vocalset_chunks(tmp_path)
    path = tmp_path / 'VocalSet/valid_t.txt'
    path.write_text(f'\n{line}\n')
    with pytest.raises(DataError, match=rf'valid_t\.txt, line 2: .*{words}'):
        task('technique', 'v1').items(tmp_path)


def test_splits_and_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'mir_ref'"):
        task('singer', 'mirref')
    with pytest.raises(ConfigError, match="'mir_ref_literal' is unknown"):
        task('singer', 'mir_ref_literal')
    trees.blank(tmp_path / 'vocalset/FULL/child1/scales/belt/x.wav')
    with pytest.raises(DataError, match="'child1' names no singer"):
        task('singer').items(tmp_path)
