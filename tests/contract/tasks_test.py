"""Every registered task keeps the contract of `jaxprobe/tasks/base.py`."""

import re

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.metrics import kinds
from jaxprobe.tasks import registry, targets
from jaxprobe.tasks.base import SPLITS, Kind
from tests.tasks import trees

NAMES = tuple(registry.TASKS)

# No list of the owner's says how many items each part has; a rule splits what is on disk.
UNCOUNTED = (
    'vocalset_singer', 'vocalset_technique', 'tinysol_instrument', 'tinysol_pitch_class',
)  # fmt: skip
# Of nobody's data, or not stated by the owner.
UNMEASURED = ('mt_mpc', 'mt_rd', 'mt_sqc', 'tinysol_instrument', 'tinysol_pitch_class')


def small(name, folder):
    """The task in a form whose data can be laid out in `folder` at once."""
    if name.startswith('synth_'):
        return registry.build(name, {'items': (12, 6, 6)})
    if name in trees.LAY:
        trees.LAY[name](folder)
        return registry.build(name)
    assert name == 'own_data', f'say here how {name} is laid out small'
    rows = [f'{k}.wav,{s},{k % 2}' for k, s in enumerate(SPLITS * 2)]
    (folder / 'labels.csv').write_text('\n'.join(['path,split,label', *rows]))
    for k in range(6):
        (folder / f'{k}.wav').write_bytes(b'RIFF')
    return registry.build(name, {'manifest': str(folder / 'labels.csv')})


@pytest.mark.parametrize('name', NAMES)
def test_names_labels_and_metrics(name):
    task = registry.build(name)
    assert task.name == name
    assert re.fullmatch(r'[a-z][a-z0-9_]*', name)
    assert len(set(task.labels)) == len(task.labels)
    assert all(label.strip() == label and label for label in task.labels)
    assert task.metrics == kinds.names(task.kind.value, task.labels)
    assert task.primary == task.metrics[0]
    if task.kind is Kind.KEY:
        assert task.labels == kinds.module_for('key').LABELS
    elif name != 'own_data':
        assert len(task.labels) > 1


@pytest.mark.parametrize('name', NAMES)
def test_protocol(name):
    task = registry.build(name)
    p = task.protocol
    watched = p.select_by if task.kind.framewise else p.monitor
    assert watched in task.metrics
    dropout = 0.4 if task.kind is Kind.SEPARATION else 0.2
    assert (p.hidden, p.dropout, p.batch_items, p.plateau_factor) == ((512,), dropout, 64, 0.5)
    assert bool(p.frame_rate) == task.kind.framewise
    assert p.stop_patience > p.plateau_patience > 0
    assert p.epochs in (50, 100)
    assert p.aggregation == 'logits'
    assert p.window_seconds >= 0


@pytest.mark.parametrize('name', NAMES)
def test_card(name):
    card = registry.build(name).card
    for field in ('name', 'title', 'homepage', 'licence', 'citation', 'how_to_get', 'split_source'):
        assert getattr(card, field).strip(), f'{field} of {card.name} is empty'
    if name == 'own_data':
        return
    if name not in UNCOUNTED:
        assert set(card.items) == set(SPLITS)
        assert min(card.items.values()) > 0
    assert card.hours > 0 or name in UNMEASURED
    assert card.folder
    assert not card.folder.startswith('/')
    assert all(reason for reason in card.broken.values())


@pytest.mark.parametrize('name', ['gtzan_rhythm', 'musdb18'])
def test_cards_say_why_windows_are_fixed(name):
    """MARBLE crops and mixes at random, which needs the encoder in the loop."""
    said = [text for text in registry.build(name).card.departures if 'windows' in text]
    assert any('encoder would have to run in every step' in text for text in said)


@pytest.mark.parametrize('name', NAMES)
def test_items_of_a_small_tree(name, tmp_path):
    task = small(name, tmp_path)
    found = task.prepare(tmp_path)
    items = task.items(tmp_path)
    assert found.usable
    assert found.missing == ()
    assert found.expected == found.found
    if found.found != task.card.items and name not in UNCOUNTED:
        # A small tree of a large data set: allowed, and said.
        assert name in trees.LAY
        assert any('scores cannot be compared' in note for note in found.notes)
    assert found.split_sha256 == targets.split_sha256(items)
    assert len({item.id for item in items}) == len(items) == sum(found.expected.values())
    assert [i.split for i in items if i.split in SPLITS] == [i.split for i in items]
    assert all(item.path.is_file() for item in items)
    assert not {item.id for item in items} & set(task.card.broken)
    assert items == small(name, tmp_path).items(tmp_path)
    if task.kind.framewise:
        targets.check(task, items)
        return
    encoded = targets.encode(task, items)
    assert len(encoded) == len(items)
    assert np.isfinite(encoded).all()


@pytest.mark.parametrize('name', [n for n in trees.LAY if not n.startswith('gtzan')])
def test_damaged_metadata_are_said_to_be_so(name, tmp_path):
    """Whatever an owner's file has become, `prepare` answers; as `prepare` reads so does a run."""
    trees.LAY[name](tmp_path)
    kinds = {}
    for path in sorted(tmp_path.rglob('*.*')):
        if path.suffix in ('.txt', '.csv', '.tsv', '.json', '.key') and path.stat().st_size > 4:
            kinds.setdefault((path.parent, path.suffix), path)
    for path in kinds.values():
        whole = path.read_bytes()
        rows = whole.split(b'\n')
        for data in (b'', b'\xff\xfe\x00', whole[: len(whole) // 2], rows[0] + b'\n1\n', b'[1]'):
            path.write_bytes(data)
            task = registry.build(name)
            if task.prepare(tmp_path).usable:
                targets.check(task, task.items(tmp_path))
        path.write_bytes(b'\xef\xbb\xbf' + whole)  # A mark that some programs put first.
        assert registry.build(name).prepare(tmp_path).usable
        path.write_bytes(whole)


@pytest.mark.parametrize('name', [n for n in NAMES if n != 'own_data'])
def test_an_empty_folder_is_an_error_that_names_it(name, tmp_path):
    with pytest.raises(DataError) as error:
        registry.build(name).items(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize('name', NAMES)
def test_options_are_recorded_and_plain(name):
    task = registry.build(name, {'epochs': 3})
    assert task.options['epochs'] == 3
    assert task.protocol.epochs == 3
    plain = (str, int, float, tuple, bool)
    assert all(isinstance(value, plain) for value in task.options.values())
