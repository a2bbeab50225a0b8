"""A bank that was cut goes on where it was, and ends with the bits of one that never stopped."""

import dataclasses
import itertools
import types

import jax
import numpy as np
import pytest

from jaxprobe.probes import bank, cells, checkpoint, memory, mesh, packing
from jaxprobe.probes.checkpoint import Checkpoint
from jaxprobe.probes.schedule import Patience
from tests.probes import made

SPEC = made.spec('multiclass', stop_patience=2)
PARTS = made.splits('multiclass')
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=80)
PATIENCE = Patience(True, 1, 0.5, 4, 8)


class Cut(Exception):
    pass


def train(where, *, cut=0, spec=SPEC, parts=PARTS, **options):
    """The result, and the epochs that ran; `cut` ends it after so many."""
    seen = []

    def progress(at):
        seen.append((at.wave, at.epoch))
        assert at.epochs_per_second > 0
        if len(seen) == cut:
            raise Cut

    try:
        found = bank.train(
            spec, made.WIDTHS, *parts, progress=progress, checkpoint=where, **options
        )
    except Cut:
        found = None
    return found, seen


def same(one, two):
    for name, mine, theirs in zip(bank.BankResult._fields, one, two, strict=True):
        if name != 'also_logits':
            np.testing.assert_array_equal(mine, theirs, err_msg=name)


@pytest.fixture
def where(tmp_path, monkeypatch):
    """After every epoch, whatever share of the time that takes."""
    monkeypatch.setattr(checkpoint, '_SHARE', np.inf)
    return Checkpoint(tmp_path / 'kept', 'this bank', 0.0)


@pytest.fixture(scope='module')
def whole():
    return train(None)


@pytest.mark.parametrize('cut', [1, 3, 7])
def test_what_was_cut_goes_on_where_it_was(whole, where, cut):
    result, epochs = whole
    assert result.epochs_run.min() < max(result.epochs_run)  # Some cells are over before others.
    assert train(where, cut=cut)[0] is None
    again, rest = train(where)
    # What is said of an epoch is said before it is kept.
    assert rest == epochs[cut - 1 :]
    same(result, again)


def test_waves_that_have_ended_are_not_trained_again(where):
    result, epochs = train(None, max_cells=7)
    assert {wave for wave, _ in epochs} == {0, 1, 2}
    cut = next(i for i, (wave, _) in enumerate(epochs) if wave == 1) + 3
    assert train(where, cut=cut, max_cells=7)[0] is None
    assert sorted(p.name for p in where.folder.iterdir()) == ['state.npz', 'wave-00000.npz']
    again, rest = train(where, max_cells=7)
    assert rest == epochs[cut - 1 :]
    same(result, again)


def test_streamed_frames_taken(where):
    """Scores of waves that had ended are taken once more: they were the reader's to keep."""
    spec = made.spec('multiclass', frames=True, monitor='loss', epochs=3, batch_items=8)
    parts = made.frames('multiclass')

    def run(**options):
        taken = {}

        def take(cells, split, scores):
            taken.update({(int(cell), split): rows for cell, rows in zip(cells, scores)})

        return train(
            options.pop('where', None),
            spec=spec,
            parts=parts,
            data='streamed',
            max_cells=11,
            take=take,
            **options,
        ), taken

    (_, epochs), expected = run()
    cut = len(epochs) - 1
    assert run(where=where, cut=cut)[0][0] is None
    (_, rest), taken = run(where=where)
    assert rest == epochs[cut - 1 :]
    assert taken.keys() == expected.keys()
    assert len(taken) == 40
    for key, rows in expected.items():
        np.testing.assert_array_equal(rows, taken[key])


def other_identity(where, monkeypatch):
    return where._replace(identity='another bank'), {}


def other_cut(where, monkeypatch):
    return where, {'max_cells': 12}


def other_protocol(where, monkeypatch):
    return where, {'spec': dataclasses.replace(SPEC, dropout=0.5)}


def other_memory(where, monkeypatch):
    usable = memory.usable_bytes() / 2
    monkeypatch.setattr(memory, 'usable_bytes', lambda: usable)
    return where, {}


def flipped(where, monkeypatch):
    path = where.folder / 'state.npz'
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return where, {}


def truncated(where, monkeypatch):
    path = where.folder / 'state.npz'
    path.write_bytes(path.read_bytes()[:5000])
    return where, {}


def emptied(where, monkeypatch):
    (where.folder / 'state.npz').write_bytes(b'')
    return where, {}


def other_layout(where, monkeypatch):
    monkeypatch.setattr(checkpoint, 'LAYOUT', 2)
    return where, {}


@pytest.mark.parametrize(
    'change',
    [
        other_identity,
        other_cut,
        other_protocol,
        other_memory,
        flipped,
        truncated,
        emptied,
        other_layout,
    ],
)
def test_what_is_not_to_be_believed_is_begun_anew(where, monkeypatch, change):
    assert train(where, cut=3)[0] is None
    where, options = change(where, monkeypatch)
    _, epochs = train(where, cut=1, **options)
    assert epochs == [(0, 0)]


def test_whatever_bit_is_flipped_no_other_state_is_read(where, capsys):
    """Sums cover what is in a zip's members; what is around them has none."""
    blocks = {0: packing.pack(SPEC, PLAN, 0, np.arange(3), 3, PATIENCE, made.SEEDS)}
    log = checkpoint.Log(where, 'cut', PLAN.cells.family, {0: blocks[0][0]})
    log.offer(0, checkpoint.State(blocks, {0: []}, {0: 3}, 2), mesh.ONE)
    path = where.folder / 'state.npz'
    whole, kept = path.read_bytes(), log.state(0)
    assert kept is not None
    directory = whole.index(b'PK\x01\x02')
    random = np.random.RandomState(0)
    for at in [*random.randint(directory, size=50), *random.randint(directory, len(whole), 250)]:
        data = bytearray(whole)
        data[at] ^= 1 << random.randint(8)
        path.write_bytes(data)
        found = log.state(0)
        if found is not None:
            jax.tree.map(np.testing.assert_array_equal, kept, found)
    assert 'is damaged' in capsys.readouterr().out


def test_a_full_disk_costs_the_checkpoint_only(whole, where, monkeypatch, capsys):
    def full(*args, **options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np.lib.format, 'write_array', full)
    same(whole[0], train(where)[0])
    assert 'no checkpoint of this bank was written' in capsys.readouterr().out
    assert list(where.folder.iterdir()) == []


def test_it_is_written_when_it_is_due(where, monkeypatch):
    """Ten seconds pass per look at the clock."""
    written = []
    monkeypatch.setattr(checkpoint.Log, '_write', lambda *args: written.append(args[2]))
    clock = itertools.count(step=10)
    ticking = types.SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr(checkpoint, 'time', ticking)
    _, epochs = train(where._replace(seconds=1e9))
    assert written == []
    train(where._replace(seconds=25.0))
    assert 0 < len(written) < len(epochs) / 2
