import numpy as np
import pytest

from jaxprobe.audio.decode import AudioError
from jaxprobe.audio.window import Windowing, cut, starts
from jaxprobe.core.errors import ConfigError


@pytest.mark.parametrize('tail', ['drop', 'overlap'])
@pytest.mark.parametrize('hop', [1, 3, 5, 8, 13])
def test_starts_against_the_definition(tail, hop):
    w = Windowing(samples=8, hop=hop, tail=tail)
    for n in range(8, 60):
        expected = [s for s in range(0, n, hop) if s + 8 <= n]
        if tail == 'overlap' and expected[-1] + 8 < n:
            expected.append(n - 8)
        assert starts(n, w).tolist() == expected


def test_cut_takes_those_stretches():
    wave = np.arange(23, dtype=np.float32)
    windows, padded = cut(wave, Windowing(samples=8, hop=8, tail='overlap'))
    assert windows[:, 0].tolist() == [0, 8, 15]
    assert windows[-1].tolist() == wave[-8:].tolist()
    assert not padded.any()


def test_short_items_are_repeated_and_flagged():
    windows, padded = cut(np.array([1, 2, 3], np.float32), Windowing(samples=8, hop=8))
    assert windows.tolist() == [[1, 2, 3, 1, 2, 3, 1, 2]]
    assert padded.tolist() == [True]
    assert not cut(np.zeros(8, np.float32), Windowing(8, 8))[1].any()


@pytest.mark.parametrize(
    ('samples', 'w'),
    [
        (7, Windowing(8, 8, short='refuse')),
        (0, Windowing(8, 8)),
        (4, Windowing(8, 8, min_samples=5)),
        (9, Windowing(8, 8, min_samples=10)),
    ],
)
def test_too_short(samples, w):
    for function, argument in ((starts, samples), (cut, np.zeros(samples, np.float32))):
        with pytest.raises(AudioError, match=str(samples)) as caught:
            function(argument, w)
        assert caught.value.reason == 'too_short'


@pytest.mark.parametrize(
    'wrong', [{'tail': 'keep'}, {'short': 'pad'}, {'samples': 0}, {'hop': 0}, {'hop': -1}]
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError, match='windowing'):
        Windowing(**({'samples': 8, 'hop': 8} | wrong))
