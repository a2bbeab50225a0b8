import json

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.metrics import beats as metrics
from jaxprobe.tasks import frame_targets, gtzan, registry, targets
from jaxprobe.tasks.base import Beats
from tests.tasks import trees

TASK = registry.build('gtzan_rhythm')


@pytest.fixture
def jams(tmp_path):
    trees.gtzan_rhythm(tmp_path)
    return tmp_path


def rewrite(folder, name, **parts):
    path = folder / f'gtzan_rhythm/jams/{name}.wav.jams'
    file = json.loads(path.read_text())
    for kind, times in parts.items():
        (own,) = [a for a in file['annotations'] if a['sandbox']['annotation_type'] == kind]
        own['data'] = [{'time': t, 'duration': 0.0} for t in times]
    path.write_text(json.dumps(file))


def test_the_split_is_that_of_the_genres(jams):
    found = TASK.prepare(jams)
    assert found.usable
    assert found.found == {'train': 442, 'valid': 197, 'test': 290}
    assert list(found.excluded) == ['jazz.00054']
    items = TASK.items(jams)
    assert [(i.id, i.split) for i in items] == [(i.id, i.split) for i in gtzan.items(jams)]
    targets.check(TASK, items)
    assert {item.duration for item in items} == {30.0}


def test_protocol_is_marble_v1(jams):
    p = TASK.protocol
    assert (p.monitor, p.select_by, p.plateau_patience, p.stop_patience) == (
        'loss',
        'beat_f',
        6,
        20,
    )
    assert (p.window_seconds, p.frame_rate, p.tail, p.epochs) == (10.0, 25.0, 'overlap', 100)
    assert registry.build('gtzan_rhythm', {'frame_rate': 75}).protocol.frame_rate == 75.0
    assert len(TASK.card.departures) == 4


def test_what_is_odd_is_counted(jams):
    rewrite(jams, 'reggae.00002', beat=[0.5, 29.9, 30.2, 31.0], downbeat=[0.5, 31.0])
    rewrite(jams, 'rock.00012', downbeat=[])
    (jams / 'gtzan_rhythm/jams/pop.00000.wav.jams').unlink()
    found = TASK.prepare(jams)
    text = '\n'.join(found.notes)
    assert '2 beats lie after the end of what is heard and are left out, in 1' in text
    assert '1 excerpts have no downbeats: rock.00012.' in text
    assert '1 excerpts have no annotation: pop.00000' in text
    assert 'scores cannot be compared with published ones' in text
    assert sum(found.expected.values()) == 928
    by_id = {item.id: item.target for item in TASK.items(jams)}
    assert by_id['reggae.00002'] == Beats((0.5, 29.9), (0.5,))


def test_beats_after_a_known_end_are_left_out(jams):
    path = jams / 'gtzan_rhythm/jams/rock.00012.wav.jams'
    file = json.loads(path.read_text())
    path.write_text(json.dumps(file | {'file_metadata': {'duration': 1.0}}))
    by_id = {item.id: item.target for item in TASK.items(jams)}
    assert max(by_id['rock.00012'].beats) < 1.0


def test_texts_beside_the_audio(tmp_path, jams):
    by_jams = {item.id: item.target for item in TASK.items(jams)}
    home = tmp_path / 'gtzan_genre/gtzan_tempo_beat-main/beats'
    (tmp_path / 'gtzan_rhythm/jams').rename(tmp_path / 'elsewhere')
    for name, target in by_jams.items():
        lines = [f'{t}\t{1 if t in target.downbeats else 2}' for t in target.beats]
        trees.text(home / f'gtzan_{name.replace(".", "_")}.beats', lines)
    assert {item.id: item.target for item in TASK.items(tmp_path)} == by_jams


def test_the_owners_layout(shared):
    (item,) = TASK.items(shared / 'data/real_layouts')
    assert (item.id, item.split) == ('country.00000', 'valid')
    assert item.path.is_file()
    assert item.target.beats[:2] == (0.113, 0.829)
    assert item.target.downbeats[0] == 0.113
    assert max(item.target.beats) < 30.0


def test_what_is_missing_is_named(tmp_path):
    trees.gtzan_genre(tmp_path)
    with pytest.raises(DataError, match='annotations of GTZAN-Rhythm are not below'):
        TASK.items(tmp_path)
    (tmp_path / 'gtzan_rhythm/jams').mkdir(parents=True)
    with pytest.raises(DataError, match='holds none of the annotations'):
        TASK.items(tmp_path)


@pytest.mark.parametrize(('rate', 'least'), [(25.0, 0.99), (50.0, 1.0), (75.0, 1.0)])
def test_frames_are_fine_enough_for_both_tolerances(rate, least):
    """What the annotation itself scores once it is rounded to frames of three windows."""
    state = np.random.RandomState(0)
    rows = []
    for _ in range(50):
        times = np.arange(state.uniform(0, 1), 29.9, 60 / state.uniform(55, 215))
        whole = Beats(tuple(times.tolist()), tuple(times[::4].tolist()))
        starts, frames = np.array([0.0, 10.0, 20.0]), round(10 * rate)
        marked = frame_targets.beats(whole, starts, frames, rate, widen=False)
        found = tuple(np.flatnonzero(marked[:, c] == 1) / rate for c in (0, 1))
        rows.append((metrics.reference_row(whole, 30.0), metrics.statistics(whole, found)))
    reference, scores = map(np.stack, zip(*rows, strict=True))
    result = metrics.evaluate(reference, scores)
    assert result['beat_f'] > 0.999
    assert result['beat_f_20ms'] >= least
