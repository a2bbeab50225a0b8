import pytest

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
    assert words in text.splitlines()[-1]
    assert 'note: a remark' in text
    assert ('missing: 1 files:' in text) == bool(missing)
