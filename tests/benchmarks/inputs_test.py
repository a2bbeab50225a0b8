import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs import __main__ as campaign
from benchmarks.inputs import judge, listing, tables, watch
from benchmarks.inputs.cases import ACCEPT, VIOLATION, Case, Heard
from jaxprobe.core.errors import DataError
from jaxprobe.tasks import registry


def test_a_few_of_every_family(capsys):
    """An even choice of the systematic cases; the whole campaign is a program of its own."""
    assert campaign.main(['--count=30', '--seed=3']) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    summary = json.loads(last)
    assert (summary['cases'], summary['seed'], summary['violations']) == (30, 3, 0)
    assert {'accepted', 'encoded', 'quarantined', 'refused', 'stopped'} >= set(summary['outcomes'])
    assert summary['outcomes']['accepted'] > 5
    assert summary['outcomes']['refused'] > 5
    assert any(line.startswith('manifest ') for line in lines)


def test_cases_have_names_of_their_own_and_are_found_by_them():
    cases = listing.cases(1300)
    assert len({case.id for case in cases}) == 1300
    assert [case.id for case in listing.cases(1400)][:1300] != [case.id for case in cases][1:]
    for case in (cases[0], cases[-1]):
        found = listing.named(case.id)
        assert found is not None
        assert found.id == case.id
    assert listing.named('audio/none') is None
    assert {case.is_audio for case in listing.cases(50, 'manifest')} == {False}


@pytest.mark.parametrize('only', ['audio', 'manifest'])
def test_random_damage_is_drawn_from_the_seed(tmp_path, only):
    case = listing.cases(10**4, only)[-1]
    written = []
    for seed, name in ((1, 'a'), (1, 'b'), (2, 'c')):
        folder = tmp_path / name
        folder.mkdir()
        case.make(folder, case.generator(seed))
        written.append(sorted(p.read_bytes() for p in folder.iterdir()))
    assert written[0] == written[1] != written[2]


CHILD = """
import json, os, socket, sys, time
talk = socket.socket(fileno=int(sys.argv[1])).makefile('rw')
print('"ready"', file=talk, flush=True)
for line in talk:
    what, names = json.loads(line)
    if 'dies' in names[0]:
        os.abort()
    if 'hangs' in names[0]:
        time.sleep(60)
    print(json.dumps([[name, 'family', 'accepted', ''] for name in names]), file=talk, flush=True)
"""


@pytest.mark.parametrize(
    ('fate', 'words'), [('dies', 'died, status -6'), ('hangs', 'no end within')]
)
def test_a_child_that_is_lost_costs_its_own_case(tmp_path, fate, words):
    cases = [
        Case(name, 'family', lambda folder, rng: Heard(folder)) for name in ('good', fate, 'fine')
    ]
    watched = watch.Watch(tmp_path, 0, limit=0.2, child=(sys.executable, '-c', CHILD))
    try:
        outcomes = list(watched.run(cases))
    finally:
        watched.close()
    assert [outcome.outcome for outcome in outcomes] == ['accepted', VIOLATION, 'accepted']
    assert words in outcomes[1].what
    assert watched.lost == (1 if fate == 'dies' else 2)  # The machine may be busy, but not dead.


def test_wrong_samples_are_violations():
    wave = np.sin(np.arange(2000) / 9).astype(np.float32)
    good = Heard(Path('a.wav'), ACCEPT, wave.astype(np.float64))
    assert '2000 samples' in judge.same_sound(wave, good)
    for wrong in (wave[:-1], np.append(wave, 0), wave * 1.001, np.roll(wave, 1), wave * np.nan):
        with pytest.raises(judge.Violation):
            judge.same_sound(wrong.astype(np.float32), good)


def test_wrong_labels_and_paths_are_violations(tmp_path):
    tables.sounds(tmp_path)
    task = registry.build('own_data', tables.put(tmp_path, tables.as_csv(tables.rows())))
    wanted = tables.wanted(tmp_path, tables.TWO)
    judge.same_items(task, task.items(tmp_path), wanted)
    for change in (
        {'label': 'jazz'},
        {'path': tmp_path / 'b.wav'},
        {'split': 'test'},
        {'start': 1.0},
    ):
        with pytest.raises(judge.Violation):
            judge.same_items(
                task, task.items(tmp_path), [wanted[0]._replace(**change), *wanted[1:]]
            )


def test_what_is_not_ours_and_what_takes_memory_are_violations():
    with pytest.raises(judge.Violation, match=r'a bare builtins\.OverflowError'), judge.watched():
        raise OverflowError
    with pytest.raises(DataError), judge.watched():
        raise DataError('ours')
    with pytest.raises(judge.Violation, match='MiB of memory'), judge.watched():
        np.ones(judge.GROWTH // 8 + 2**22)
    with judge.watched():
        np.ones(2**20)
