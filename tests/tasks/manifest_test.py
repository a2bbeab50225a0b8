import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, targets
from jaxprobe.tasks.base import SPLITS

TABLE = """path,split,label,duration
a.wav,train,x,1800
b.wav,train,y,1800
c.wav,valid,x,1
d.wav,test,z,1
"""


def write(folder, text=TABLE, audio='abcd'):
    for name in audio:
        (folder / f'{name}.wav').write_bytes(b'RIFF')
    path = folder / 'labels.csv'
    path.write_text(text)
    return {'manifest': str(path)}


def test_own_data(tmp_path):
    task = registry.build('own_data', write(tmp_path) | {'kind': 'multiclass'})
    assert task.labels == ('x', 'y', 'z')
    assert task.metrics == ('accuracy', 'macro_f1')
    assert task.card.items == {'train': 2, 'valid': 1, 'test': 1}
    assert task.card.hours == pytest.approx(3602 / 3600)
    assert (task.protocol.monitor, task.protocol.window_seconds) == ('accuracy', 0.0)
    found = task.prepare(tmp_path / 'not used')
    assert found.usable
    assert found.notes == ('1 labels of test have no example in train: z',)
    items = task.items(tmp_path)
    assert found.split_sha256 == targets.split_sha256(items)
    items.clear()
    assert len(task.items(tmp_path)) == 4  # A caller may keep its list.


def test_missing_files_are_a_matter_of_prepare(tmp_path):
    task = registry.build('own_data', write(tmp_path, audio='ab'))
    found = task.prepare(tmp_path)
    assert not found.usable
    assert found.missing == (str(tmp_path / 'c.wav'), str(tmp_path / 'd.wav'))


@pytest.mark.parametrize(
    ('kind', 'monitor', 'patience'),
    [('multilabel', 'roc_auc', 10), ('regression', 'r2', 20), ('key', 'weighted_score', 20)],
)
def test_other_kinds(tmp_path, kind, monitor, patience):
    column, values = {
        'multilabel': ('labels', ('x', 'y|x', 'y')),
        'regression': ('mood', ('1', '2', '3')),
        'key': ('label', ('C', 'Dm', 'Eb')),
    }[kind]
    rows = zip('abc', ('train', 'valid', 'test'), values, strict=True)
    text = f'path,split,{column}\n' + ''.join(f'{p}.wav,{s},{v}\n' for p, s, v in rows)
    task = registry.build('own_data', write(tmp_path, text) | {'kind': kind})
    assert (task.protocol.monitor, task.protocol.stop_patience) == (monitor, patience)
    assert task.metrics[0] == monitor
    encoded = targets.encode(task, task.items(tmp_path))
    assert len(encoded) == 3


def test_a_relative_path_is_relative_to_where_one_is(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    task = registry.build('own_data', {'manifest': 'labels.csv'})
    assert task.prepare(tmp_path).usable


def test_without_a_manifest_it_can_be_listed_but_not_used(tmp_path):
    task = registry.build('own_data')
    assert task.status == 'needs a manifest'
    for use in (task.prepare, task.items):
        with pytest.raises(ConfigError, match=r'--config.manifest=labels.csv'):
            use(tmp_path)


def test_what_is_wrong_is_said_at_once(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'multilabel'"):
        registry.build('own_data', {'kind': 'multilable'})
    with pytest.raises(DataError, match="did you mean 'valid'"):
        registry.build('own_data', write(tmp_path, TABLE.replace('valid', 'validation')))


def test_spoken_digits(shared, tmp_path):
    folder = shared / 'data' / 'fsdd' / 'recordings'
    lines = ['path,split,label,group']
    for path in sorted(folder.glob('*.wav')):
        digit, speaker, number = path.stem.split('_')
        split = 'test' if int(number) < 5 else 'valid' if int(number) < 10 else 'train'
        lines.append(f'{path},{split},{digit},{speaker}')
    manifest = tmp_path / 'digits.csv'
    manifest.write_text('\n'.join(lines))
    task = registry.build('own_data', {'manifest': str(manifest)})
    assert task.labels == tuple('0123456789')
    found = task.prepare(tmp_path)
    assert found.usable
    assert found.found == {'train': 2400, 'valid': 300, 'test': 300}
    assert '6 groups are in both train and test' in found.notes[0]


def sidecars(folder, **files):
    for name, text in files.items():
        (folder / name.replace('_', '.')).write_text(text)


def test_beats_beside_the_audio(tmp_path):
    sidecars(tmp_path, a_beats='0.5 1\n1.0 2\n1.5 1\n9 2\n', b_txt='0.25\n0.75\n')
    rows = ['a.wav,train,a.beats,0,8', 'b.wav,train,b.txt,,', 'c.wav,valid,a.beats,1,8']
    text = '\n'.join(['path,split,annotation,start,duration', *rows, 'd.wav,test,a.beats,,'])
    task = registry.build('own_data', write(tmp_path, text) | {'kind': 'beats'})
    assert (task.kind.value, task.labels) == ('beats', ('beat', 'downbeat'))
    assert (task.primary, task.protocol.frame_rate) == ('beat_f', 25.0)
    a, b, c, d = (item.target for item in task.items(tmp_path))
    assert a == ((0.5, 1.0, 1.5), (0.5, 1.5))  # The item ends at 8 s.
    assert b == ((0.25, 0.75), ())
    assert c == ((0.0, 0.5), (0.5,))  # From 1 s on.
    assert d.beats[-1] == 9.0
    targets.check(task, task.items(tmp_path))
    assert task.prepare(tmp_path).usable


def test_segments_beside_the_audio(tmp_path):
    sidecars(tmp_path, a_txt='0 solo\n4 tutti\n9 end\n', b_txt='0 tutti\n2 -\n3 10\n')
    rows = ['a.wav,train,a.txt,', 'b.wav,train,b.txt,5', 'c.wav,valid,a.txt,', 'd.wav,test,b.txt,']
    text = '\n'.join(['path,split,annotation,duration', *rows])
    task = registry.build('own_data', write(tmp_path, text) | {'kind': 'frames'})
    assert task.labels == ('10', 'solo', 'tutti')
    assert task.primary == 'frame_accuracy'
    a, b, _, d = (item.target for item in task.items(tmp_path))
    assert a == ((0.0, 4.0), (1, 2), 9.0)
    assert b == ((0.0, 2.0, 3.0), (2, -1, 0), 5.0)
    assert d.end > 1e6  # To the end of the audio, wherever that is.
    targets.check(task, task.items(tmp_path))
    assert task.prepare(tmp_path).usable


def test_mistakes_in_sidecars_are_said_with_their_lines_in_the_manifest(tmp_path):
    sidecars(tmp_path, a_txt='0 solo\n4 tutti\n', b_txt='now solo\n', c_txt='0 -\n9 end\n')
    rows = ['a.wav,train,a.txt,', 'b.wav,train,b.txt,', 'c.wav,valid,c.txt,', 'd.wav,test,,']
    text = '\n'.join(
        ['path,split,annotation,start', *rows, 'a.wav,test,no.txt,3', 'b.wav,dev,a.txt,4']
    )
    with pytest.raises(DataError) as error:
        registry.build('own_data', write(tmp_path, text) | {'kind': 'frames'})
    for part in (
        'line 3: ' + str(tmp_path / 'b.txt') + ", line 1: 'now' is not a time",
        'line 4: ' + str(tmp_path / 'c.txt') + ' has no labelled segment within the item',
        'line 5: annotation is empty',
        'line 6: ' + str(tmp_path / 'no.txt') + ' cannot be read',
        "line 7: split 'dev'",
    ):
        assert part in str(error.value)
    with pytest.raises(DataError, match="column 'annotation' is missing"):
        registry.build('own_data', write(tmp_path) | {'kind': 'beats'})


def test_stems_in_columns(tmp_path):
    rows = [f'{n}.wav,{s},{n}_v.wav,{n}_d.wav' for n, s in zip('abc', SPLITS, strict=True)]
    options = write(tmp_path, '\n'.join(['path,split,voice,rest', *rows])) | {'kind': 'separation'}
    task = registry.build('own_data', options | {'stems': 'voice,rest'})
    assert task.labels == ('voice', 'rest')
    assert task.items(tmp_path)[0].target.paths == (tmp_path / 'a_v.wav', tmp_path / 'a_d.wav')
    targets.check(task, task.items(tmp_path))
    with pytest.raises(DataError, match="stems='vocals,drums'"):
        registry.build('own_data', options)
    with pytest.raises(DataError, match="column 'drums' is missing"):
        registry.build('own_data', options | {'stems': 'voice,drums'})
