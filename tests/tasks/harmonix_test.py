import hashlib

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import harmonix, registry, targets
from tests.tasks import trees

TASK = registry.build('harmonix_structure')


@pytest.mark.parametrize(
    ('raw', 'label'),
    [
        ('silence', 'silence'),
        ('pre-chorus', 'verse'), ('prechorus2', 'verse'),
        ('refrain', 'chorus'), ('chorus', 'chorus'), ('theme', 'chorus'), ('stutter', 'chorus'),
        ('verse1a', 'verse'), ('raps', 'verse'), ('section13', 'verse'), ('slow2', 'verse'),
        ('build', 'verse'), ('dialog', 'verse'),
        ('intro', 'intro'), ('fadein', 'intro'), ('opening', 'intro'),
        ('bridge3', 'bridge'), ('transition2a', 'bridge'),
        ('fadeout', 'outro'), ('coda', 'outro'), ('ending', 'outro'), ('bigoutro', 'outro'),
        ('breakdown', 'inst'), ('instrumental', 'inst'), ('interlude', 'inst'), ('impro', 'inst'),
        ('solo2', 'inst'),
        ('guitar', 'inst'), ('mainriff', 'inst'), ('worstthingever', 'inst'),
        # Where two rules fit, the first counts.
        ('silencechorus', 'silence'), ('prechorustheme', 'verse'), ('introchorus', 'chorus'),
        ('chorus_instrumental', 'chorus'), ('introverse', 'verse'), ('slowintro', 'verse'),
        ('instintro', 'intro'), ('introbridge', 'intro'), ('instbridge', 'bridge'),
        ('transout', 'bridge'), ('instoutro', 'outro'), ('outbreak', 'outro'),
        ('Chorus', 'chorus'),
    ],
)  # fmt: skip
def test_every_rule_and_their_order(raw, label):
    assert harmonix.label_of(raw) == label


def test_the_rules_are_those_of_the_paper():
    words = [word for _, many in harmonix.RULES for word in many]
    assert len(words) == len(set(words)) == 26
    assert {label for label, _ in harmonix.RULES} == set(harmonix.LABELS)


def test_artists():
    spelt = {'Soulja Boy Tell ’Em', "Soulja Boy Tell 'Em", "SOULJA BOY TELL 'EM feat. Sammie"}
    assert {harmonix.main_artist(name) for name in spelt} == {'souljaboytellem'}
    assert harmonix.main_artist('Little Feat') == 'littlefeat'
    number = int(hashlib.sha1(b'adele').hexdigest(), 16) % 10
    assert (number, harmonix.split_of('adele')) == (9, 'test')
    assert harmonix.split_of('aceofbase') == 'valid'
    assert harmonix.split_of('ciara') == 'train'


def test_a_small_tree(tmp_path):
    trees.harmonix_set(tmp_path)
    found = TASK.prepare(tmp_path)
    assert found.usable
    assert 'scores cannot be compared' in found.notes[-1]
    items = {item.id: item for item in TASK.items(tmp_path)}
    song = items['0001_12step']
    assert (song.group, song.split) == ('ciara', 'train')
    assert song.target.starts[:2] == (0.0, 8.495568)
    assert [harmonix.LABELS[k] for k in song.target.labels] == ['intro', 'verse', 'chorus', 'outro']
    assert song.target.end == 38.0
    unended = items['0539_youandi']
    assert unended.target.end == 46.004  # Of metadata.csv.
    assert {i.split for i in items.values() if i.group == 'adele'} == {'test'}


def test_protocol():
    p = TASK.protocol
    assert (p.window_seconds, p.frame_rate, p.tail) == (24.0, 2.0, 'overlap')
    assert (p.monitor, p.select_by) == ('accuracy', 'frame_accuracy')
    assert registry.build('harmonix_structure', {'frame_rate': '8'}).protocol.frame_rate == 8.0
    assert 'cannot be reproduced' in TASK.card.departures[0]


def test_the_users_split(tmp_path):
    trees.harmonix_set(tmp_path)
    own = tmp_path / 'mine.csv'
    rows = ['File,split', '0001_12step,train', '0539_youandi,valid', '0902_hello,test']
    own.write_text('\n'.join(rows))
    task = registry.build('harmonix_structure', {'splits': str(own)})
    assert [item.split for item in task.items(tmp_path)] == ['train', 'valid', 'test']
    assert str(own) in task.card.split_source
    own.write_text('\n'.join([*rows, '0901_skyfall,dev']))
    with pytest.raises(DataError, match="line 5: split 'dev'"):
        task.items(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match='Clone github.com/urinieto/harmonixset'):
        TASK.items(tmp_path)


def test_targets_fit(tmp_path):
    trees.harmonix_set(tmp_path)
    targets.check(TASK, TASK.items(tmp_path))
