import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, targets

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
