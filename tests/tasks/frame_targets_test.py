import numpy as np

from jaxprobe.tasks import frame_targets
from jaxprobe.tasks.base import Beats, Segments


def test_beats_fall_on_their_nearest_frames():
    found = frame_targets.beats(
        Beats((0.0, 0.51, 1.2), (0.51,)), np.array([0.0, 1.0]), 10, 10.0, widen=False
    )
    assert np.flatnonzero(found[:, 0]).tolist() == [0, 5, 12]
    assert np.flatnonzero(found[:, 1]).tolist() == [5]


def test_training_marks_the_frames_beside_them_within_the_window():
    target = Beats((0.0, 0.9), (0.9,))
    found = frame_targets.beats(target, np.array([0.0, 1.0]), 10, 10.0, widen=True)
    assert np.flatnonzero(found[:, 0]).tolist() == [0, 1, 8, 9, 10]
    assert np.flatnonzero(found[:, 1]).tolist() == [8, 9, 10]


def test_downbeats_that_nobody_annotated_are_unknown():
    found = frame_targets.beats(Beats((0.2,), ()), np.zeros(1), 5, 10.0, widen=False)
    assert np.flatnonzero(found[:, 0]).tolist() == [2]
    assert np.isnan(found[:, 1]).all()
    silent = frame_targets.beats(Beats((), ()), np.zeros(1), 5, 10.0, widen=False)
    assert not silent.any()


def test_frames_behind_the_end_of_an_item():
    assert frame_targets.behind(np.zeros(1), 5, 10.0, 0.3).tolist() == [False] * 3 + [True] * 2
    assert not frame_targets.behind(np.array([0.0, 0.5]), 5, 10.0, 1.0).any()


def test_no_frame_counts_twice():
    """The last window overlaps the one before it by four frames."""
    starts = np.array([0.0, 0.6])
    assert (
        frame_targets.covered(starts, 10, 10.0).tolist() == [False] * 10 + [True] * 4 + [False] * 6
    )
    found = frame_targets.beats(Beats((0.7, 1.1), ()), starts, 10, 10.0, widen=False)
    assert np.flatnonzero(found[:, 0] == 1).tolist() == [7, 15]
    assert np.isnan(found[10:14]).all()
    classes = frame_targets.segments(Segments((0.0, 0.8), (2, 3), 1.5), starts, 10, 10.0)
    assert classes.tolist() == [2] * 8 + [3] * 2 + [-1] * 4 + [3] * 5 + [-1]


def test_segments_begin_at_their_frames():
    classes = frame_targets.segments(Segments((0.2, 0.5), (1, 0), 0.9), np.array([0.0]), 10, 10.0)
    assert classes.tolist() == [-1, -1, 1, 1, 1, 0, 0, 0, 0, -1]


def test_a_stretch_that_does_not_count():
    target = Segments((0.0, 0.3, 0.6), (1, -1, 2), 1.0)
    classes = frame_targets.segments(target, np.array([0.0]), 10, 10.0)
    assert classes.tolist() == [1] * 3 + [-1] * 3 + [2] * 4
