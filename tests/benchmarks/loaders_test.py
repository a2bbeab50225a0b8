import collections
import json
import pickle
import tempfile

import pytest

from benchmarks import loader_cases, loader_hostile, loaders

# One of every kind of harm: a call, a bomb, a hang, a link, a lie, and changed bytes.
CHOSEN = [
    loaders.Case('torch_zip', 'made', 'calls os.system'),
    loaders.Case('torch_zip', 'made', 'calls on the stack'),
    loaders.Case('torch_legacy', 'made', 'bomb: a tuple that hashes for ever'),
    loaders.Case('torch_legacy', 'made', 'bomb: state copied'),
    loaders.Case('torch_zip', 'made', 'views larger than the file'),
    loaders.Case('h5', 'made', 'external link'),
    loaders.Case('h5', 'made', '2^34 never written, whole'),
    loaders.Case('frozen_pb', 'made', '2^26 of two, a hundred times'),
    loaders.Case('frozen_pb', 'made', 'a name of 2^33'),
    loaders.Case('safetensors', 'made', 'overlap'),
    loaders.Case('tf_bundle', 'made', 'data a pipe'),
    loaders.Case('tf_v1', 'made', 'keys that grow'),
    *(loaders.Case(kind, 'flips', '0') for kind in loader_cases.FORMATS),
]


def test_a_campaign_in_small():
    """One child loads them all: none runs, hangs, dies, or takes memory."""
    counts = collections.Counter()
    for case, outcome in loaders.campaign(CHOSEN, seed=0, seconds=60.0):
        assert outcome.ok, (case.id, outcome)
        counts[outcome.word] += 1
    assert counts['refused'] >= 20


ANSWER = {'seconds': 0.1, 'grown': 0, 'seen': []}
TOLD = ANSWER | {'error': 'WeightsError', 'below': [], 'printable': True, 'length': 9}
LOADED = ANSWER | {'bytes': 8, 'sha256': 'other'}


@pytest.mark.parametrize(
    ('kind', 'expected', 'answer', 'word', 'ok'),
    [
        ('h5', loader_cases.REFUSED, TOLD | {'message': 'w.h5 is damaged'}, 'refused', True),
        ('h5', loader_cases.REFUSED, TOLD | {'message': 'is damaged'}, 'unclear', False),
        ('h5', loader_cases.SAME, TOLD | {'message': 'w.h5 is damaged'}, 'accepted', False),
        ('h5', loader_cases.EITHER, TOLD | {'message': '', 'error': 'KeyError'}, 'error', False),
        ('h5', loader_cases.ANY, LOADED, 'undetectable', True),
        ('h5', loader_cases.EITHER, LOADED, 'wrong', False),
        ('h5', loader_cases.REFUSED, LOADED, 'accepted', False),
        ('h5', loader_cases.ANY, LOADED | {'grown': 1 << 30}, 'memory', False),
        ('h5', loader_cases.ANY, LOADED | {'bytes': 1 << 30}, 'memory', False),
        (
            'h5',
            loader_cases.ANY,
            TOLD | {'message': 'w.h5', 'below': ['MemoryError']},
            'memory',
            False,
        ),
        ('h5', loader_cases.ANY, LOADED | {'seen': ['os.system']}, 'ran', False),
        ('h5', loader_cases.ANY, {'ended': 'hang'}, 'hang', False),
        ('h5', loader_cases.ANY, {'ended': 'died with -11'}, 'died', False),
    ],
)
def test_judge(kind, expected, answer, word, ok):
    found = loaders.judge(loaders.Case(kind, 'made', 'x'), expected, answer, 1000)
    assert (found.word, found.ok) == (word, ok)


def test_the_watch_sees_what_a_loader_must_not_do(tmp_path, monkeypatch):
    """A reader that obeys its pickle is caught: by the hook, and by the canary."""
    watch = loaders.Watch()
    watch.inside, watch.on = (str(tmp_path),), True
    monkeypatch.setenv('JAXPROBE_CANARY', str(tmp_path))
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'tmp'))
    evil = b'\x80\x02' + loader_hostile.calls()['os.system'] + b'.'
    assert pickle.loads(evil) == 0
    (tmp_path / 'written').write_bytes(b'')
    watch.on = False
    assert (tmp_path / 'CANARY').is_file()
    seen = [event.split(' ')[0] for event in watch.seen]
    assert {'os.system', 'pickle.find_class', 'open'} <= set(seen)


def test_a_case_is_made_alike_every_time(tmp_path):
    case = loaders.planned(3, 40, ['keras'])[-1]
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
        assert loaders.prepare(case, 3, tmp_path / name) == loader_cases.EITHER
    one, two = ((tmp_path / name / 'm.keras').read_bytes() for name in ('one', 'two'))
    assert len(one) > 100
    assert abs(len(one) - len(two)) < 100  # The zip and HDF5 carry times.


def test_the_last_line_is_json_and_the_status_tells(capsys, monkeypatch):
    def campaign(cases, seed, seconds):
        yield cases[0], loaders.Outcome('ran', 'a call', False)

    monkeypatch.setattr(loaders, 'campaign', campaign)
    assert loaders.main(['--count=0', '--formats=wheel', '--seed=5']) == 1
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1])['violations'] == 1
    assert any("--seed=5 --case='wheel/made/valid'" in line for line in lines)
