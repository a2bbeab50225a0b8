import numpy as np
import pytest
import soundfile

from jaxprobe.stages import prepare
from jaxprobe.tasks import gtzan, registry
from jaxprobe.tasks.base import Preparation


def test_synthetic_data_are_made(tmp_path):
    task = registry.build('synth_tags', {'items': (6, 4, 4)})
    text, found = prepare.prepare(task, tmp_path)
    assert found.usable
    assert 'found: train 6 of 6, valid 4 of 4, test 4 of 4' in text
    assert '14 clips written' in text
    assert text.endswith('ready.')
    assert found.split_sha256 in text.replace('\n    ', ' ')


def test_missing_data_are_explained(tmp_path):
    text, found = prepare.prepare(registry.build('gtzan_genre'), tmp_path)
    assert not found.usable
    shown = [line for line in text.splitlines() if line.startswith(f'    {tmp_path}')]
    assert len(shown) == 20
    assert 'missing: 929 files, the first 20' in text
    assert 'how to get it' in text
    assert gtzan.CARD.licence.split(';')[0] in text
    assert 'excluded: jazz.00054' in text
    assert text.endswith('NOT USABLE as it stands.')


@pytest.mark.parametrize(
    ('usable', 'missing', 'words'),
    [(True, (), 'ready.'), (True, ('a.wav',), 'quarantine'), (False, (), 'NOT USABLE')],
)
def test_describe_ends_with_a_verdict(tmp_path, usable, missing, words):
    task = registry.build('gtzan_genre')
    counts = {'train': 1, 'valid': 1, 'test': 1}
    found = Preparation(usable, counts, counts, missing, notes=('a remark',))
    text = prepare.describe(task, tmp_path, found)
    assert words in ' '.join(text.splitlines()[-2:])
    assert 'note: a remark' in text
    assert ('missing: 1 files:' in text) == bool(missing)


def test_files_that_cannot_be_decoded_are_not_ready(tmp_path):
    """An empty file is seen at once, others where all audio is decoded."""
    task = own_data(tmp_path)
    (tmp_path / '0.wav').write_bytes(b'')
    soundfile.write(tmp_path / '3.wav', np.zeros(0), 8000)
    text, found = prepare.prepare(task, tmp_path)
    assert found.unreadable == (str(tmp_path / '0.wav'),)
    assert 'usable, but incomplete' in text.replace('\n    ', ' ')
    text, found = prepare.prepare(task, tmp_path, decode=True)
    assert found.unreadable == tuple(str(tmp_path / f'{k}.wav') for k in (0, 3))
    assert '2 files cannot be decoded' in text
    assert max(map(len, text.splitlines())) <= 100 + len(str(tmp_path))


def own_data(folder, **files):
    """Twelve noises of two labels; `files` replaces one by a copy of another: name -> source."""
    random = np.random.RandomState(0)
    rows = ['path,split,label']
    for k in range(12):
        soundfile.write(folder / f'{k}.wav', random.uniform(-0.5, 0.5, 8000), 8000)
        rows.append(f'{k}.wav,{("train", "train", "valid", "test")[k // 3]},{k % 2}')
    for name, source in files.items():
        wave, rate = soundfile.read(folder / f'{source}.wav', dtype='int16')
        soundfile.write(folder / f'copy.{name}', wave, rate)
        rows.append(f'copy.{name},test,{int(source) % 2}')
    (folder / 'labels.csv').write_text('\n'.join(rows))
    options = {'manifest': str(folder / 'labels.csv'), 'kind': 'multiclass'}
    return registry.build('own_data', options)


def test_a_copied_file_in_another_split_is_found_without_decoding(tmp_path):
    assert 'same audio' not in prepare.prepare(own_data(tmp_path), tmp_path)[0]
    text, found = prepare.prepare(own_data(tmp_path, wav='0'), tmp_path)
    assert 'the same audio is in two splits 1 times' in text
    assert found.usable


def test_decoding_finds_the_copy_in_another_format(tmp_path):
    task = own_data(tmp_path, flac='1')
    assert 'same audio' not in prepare.prepare(task, tmp_path)[0]
    text, _ = prepare.prepare(task, tmp_path, decode=True)
    assert 'the same audio is in two splits 1 times' in text
    assert '13 of 13 files were decoded' in text
    (tmp_path / '5.wav').write_bytes(b'RIFF0000')
    text, _ = prepare.prepare(task, tmp_path, decode=True)
    assert '1 files cannot be decoded' in text
