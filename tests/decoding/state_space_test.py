import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.decoding.state_space import Tempo, state_space


def test_periods_of_the_published_range():
    """55 to 215 BPM at 75 frames per second: 21 to 82 frames."""
    space = state_space(Tempo(75.0))
    assert (space.intervals[0], space.intervals[-1]) == (21, 82)
    assert len(space.in_beat) == sum(range(21, 83))
    assert (space.last - space.first + 1 == space.intervals).all()


def test_a_sixteenth_of_a_period_is_beat():
    space = state_space(Tempo(75.0))
    share = [space.in_beat[a : b + 1].sum() for a, b in zip(space.first, space.last, strict=True)]
    assert share == [-(-n // 16) for n in space.intervals]


def test_changes_are_probabilities_and_prefer_no_change():
    change = np.exp(state_space(Tempo(75.0)).log_change)
    np.testing.assert_allclose(change.sum(axis=1), 1.0)
    assert (change.argmax(axis=1) == np.arange(len(change))).all()
    assert change[0, -1] == 0.0


def test_downbeats_have_bars_for_periods():
    space = state_space(Tempo(75.0).downbeats())
    assert (space.intervals[0], space.intervals[-1]) == (62, 250)


@pytest.mark.parametrize('wrong', [(75.0, 100.0, 50.0), (0.0, 55.0, 215.0), (1.0, 55.0, 215.0)])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError):
        Tempo(*wrong)
