import hashlib
import itertools

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, synth_rhythm, targets
from jaxprobe.tasks.synth_sound import RATE

SIZES = {'items': (6, 2, 2)}
NAMES = ('synth_beats', 'synth_structure')


@pytest.mark.parametrize('name', NAMES)
def test_made_once_and_the_same_again(name, tmp_path):
    task = registry.build(name, SIZES)
    with pytest.raises(DataError, match=f'jaxprobe prepare {name}'):
        task.items(tmp_path)
    first = task.prepare(tmp_path)
    assert first.usable
    assert first.here == ('10 clips written, 0 were there',)
    items = task.items(tmp_path)
    targets.check(task, items)
    before = {item.id: item.path.read_bytes() for item in items}
    items[3].path.unlink()
    items[4].path.write_bytes(b'half a fi')
    assert task.prepare(tmp_path).here == ('2 clips written, 8 were there',)
    assert {item.id: item.path.read_bytes() for item in items} == before
    assert len(set(before.values())) == 10
    other = registry.build(name, SIZES | {'seed': 1})
    other.prepare(tmp_path)
    assert other.items(tmp_path)[0].path.read_bytes() != before[items[0].id]
    with pytest.raises(ConfigError, match='three counts'):
        registry.build(name, {'items': (1, 2)})


def test_sessions_stay_in_their_split():
    for draw in (synth_rhythm.groove, synth_rhythm.song):
        names = [draw(0, split, i).session.name for split in ('train', 'test') for i in range(10)]
        assert len(set(names)) == 4


def test_beats_are_where_the_drums_are():
    drawn = [synth_rhythm.groove(0, 'train', i) for i in range(40)]
    assert {clip.parts for clip in drawn} == {'kit', 'strum', 'both'}
    assert {clip.meter for clip in drawn} == {3, 4}
    quiet = next(clip for clip in drawn if clip.parts == 'kit')
    wave = synth_rhythm.render_groove(quiet).astype(float)
    assert len(wave) == 12 * RATE
    inside = [t for t in quiet.beats.beats if 0.1 < t < 11.8]
    after, before = (
        np.mean([np.square(wave[round((t + d) * RATE) :][: RATE // 50]).mean() for t in inside])
        for d in (0.0, -0.03)
    )
    assert after > 3 * before
    assert set(quiet.beats.downbeats) <= set(quiet.beats.beats)
    bars = np.diff(quiet.beats.downbeats) * quiet.bpm / 60
    assert bars == pytest.approx(quiet.meter, abs=1e-4)


def test_sections_alternate_and_fill_the_song():
    for index in range(20):
        drawn = synth_rhythm.song(0, 'valid', index)
        names = [name for name, _ in drawn.sections]
        assert all(a != b for a, b in itertools.pairwise(names))
        assert sum(len(phrases) for _, phrases in drawn.sections) == 8
        found = drawn.segments
        assert found.starts[0] == 0.0
        assert found.starts[-1] < found.end == 24.0
        assert {phrase.bpm for _, own in drawn.sections for phrase in own} == {
            drawn.sections[0][1][0].bpm
        }


# As `tests/tasks/synth_render_test.py` pins the others.
PINNED = {
    'grooves': 'f517c331dbfd329b1d3ec4d2a5c5466e265e50739c60dba14e3750a16a5154af',
    'songs': '4c7a5a682116ab7c2e2177a2f6f1f012c0d54d6a033128dd680db5a26db8a177',
}


@pytest.mark.parametrize('name', PINNED)
def test_clips_are_the_same_everywhere(name):
    own = synth_rhythm._COLLECTIONS[name]
    found = hashlib.sha256()
    for index in range(3):
        clip = own.draw(0, 'train', index)
        found.update(own.render(clip).tobytes())
        found.update(repr(own.target(clip)).encode())
    assert found.hexdigest() == PINNED[name]
