import json

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import registry
from tests.tasks import trees

PITCH = registry.build('nsynth_pitch')
INSTRUMENT = registry.build('nsynth_instrument')


@pytest.mark.parametrize('task', [PITCH, INSTRUMENT], ids=lambda task: task.name)
def test_protocol_is_marble_v1s(task):
    p = task.protocol
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == ('accuracy', 3, 10, 50)
    assert p.window_seconds == 4.0
    assert task.card.items == {'train': 289205, 'valid': 12678, 'test': 4096}


def test_labels():
    assert (len(PITCH.labels), PITCH.labels[0], PITCH.labels[59]) == (128, 'MIDI 1', 'MIDI 60')
    assert INSTRUMENT.labels == (
        'bass', 'brass', 'flute', 'guitar', 'keyboard', 'mallet', 'organ', 'reed', 'string',
        'synth_lead', 'vocal',
    )  # fmt: skip


def test_notes_of_the_owners_layout(tmp_path):
    trees.nsynth_notes(tmp_path)
    pitches = {item.id: item for item in PITCH.items(tmp_path)}
    families = {item.id: item for item in INSTRUMENT.items(tmp_path)}
    assert list(pitches) == list(families)
    name = 'synth_lead_acoustic_000-119-100'
    assert (pitches[name].target, families[name].target) == (118, 9)
    assert (pitches[name].split, pitches[name].group) == ('train', 'synth_lead_acoustic_000')
    assert pitches[name].path == tmp_path / 'nsynth/nsynth-train/audio' / f'{name}.wav'
    assert {i.split: 0 for i in pitches.values()} == {'train': 0, 'valid': 0, 'test': 0}


def test_synth_lead_is_spoken_of(tmp_path):
    trees.nsynth_notes(tmp_path)
    assert any('synth_lead' in note for note in INSTRUMENT.prepare(tmp_path).notes)
    assert not any('synth_lead' in note for note in PITCH.prepare(tmp_path).notes)


@pytest.mark.parametrize(
    ('task', 'key', 'value', 'words'),
    [
        (PITCH, 'pitch', 0, 'pitch 0 is not 1 to 128'),
        (PITCH, 'pitch', None, 'NoneType'),
        (INSTRUMENT, 'instrument_family_str', 'theremin', "'theremin' is none of the 11"),
    ],
)
def test_a_note_that_does_not_fit_is_named(task, key, value, words, tmp_path):
    trees.nsynth_notes(tmp_path)
    path = tmp_path / 'nsynth/nsynth-test/examples.json'
    notes = json.loads(path.read_text())
    notes['vocal_acoustic_002-060-100'][key] = value
    path.write_text(json.dumps(notes))
    with pytest.raises(DataError, match=f'note vocal_acoustic_002-060-100: .*{words}'):
        task.items(tmp_path)
    del notes['vocal_acoustic_002-060-100'][key]
    path.write_text(json.dumps(notes))
    with pytest.raises(DataError, match=f"lacks '{key}'"):
        task.items(tmp_path)


def test_a_missing_part_is_named(tmp_path):
    trees.nsynth_notes(tmp_path)
    (tmp_path / 'nsynth/nsynth-valid/examples.json').unlink()
    with pytest.raises(DataError, match=r'nsynth-valid/examples\.json cannot be read'):
        PITCH.items(tmp_path)
