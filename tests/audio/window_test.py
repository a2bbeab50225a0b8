import numpy as np
import pytest

from jaxprobe.audio.decode import AudioError
from jaxprobe.audio.window import Windowing, cut, extended, starts
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


@pytest.mark.parametrize('hop', [3, 8])
def test_padded_tails_reach_the_end_and_no_further(hop):
    w = Windowing(samples=8, hop=hop, tail='pad')
    for n in range(8, 40):
        wave = np.arange(1, n + 1, dtype=np.float32)
        windows, padded = cut(wave, w)
        at = starts(n, w)
        assert at.tolist() == [i * hop for i in range(-(-(n - 8) // hop) + 1)]
        assert padded.tolist() == [start + 8 > n for start in at]
        assert padded[:-1].sum() == 0
        filled = np.concatenate([wave, np.zeros(8, np.float32)])
        for start, window in zip(at, windows, strict=True):
            assert window.tolist() == filled[start : start + 8].tolist()


def test_a_gap_between_windows_is_not_padded():
    assert starts(20, Windowing(samples=4, hop=17, tail='pad')).tolist() == [0, 17]
    assert starts(15, Windowing(samples=4, hop=17, tail='pad')).tolist() == [0]


def test_short_items_are_zero_filled_where_asked():
    windows, padded = cut(np.array([1, 2, 3], np.float32), Windowing(8, 8, short='pad'))
    assert windows.tolist() == [[1, 2, 3, 0, 0, 0, 0, 0]]
    assert padded.tolist() == [True]


def test_a_lead_of_zeros():
    w = Windowing(samples=4, hop=4, lead=2, lead_fill='zeros', tail='pad')
    windows, _ = cut(np.arange(1, 7, dtype=np.float32), w)
    assert windows.tolist() == [[0, 0, 1, 2, 3, 4], [3, 4, 5, 6, 0, 0]]


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
    wave = np.zeros(samples, np.float32)
    for attempt in (lambda: starts(samples, w), lambda: cut(wave, w)):
        with pytest.raises(AudioError, match=str(samples)) as caught:
            attempt()
        assert caught.value.reason == 'too_short'


@pytest.mark.parametrize(
    'wrong',
    [
        {'tail': 'keep'},
        {'short': 'zero'},
        {'samples': 0},
        {'hop': 0},
        {'hop': -1},
        {'lead': -1},
        {'lead_fill': 'repeat'},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError, match='windowing'):
        Windowing(**({'samples': 8, 'hop': 8} | wrong))


@pytest.mark.parametrize('tail', ['drop', 'overlap'])
@pytest.mark.parametrize('hop', [2, 5, 8])
@pytest.mark.parametrize('lead', [1, 3, 7, 8, 20])
@pytest.mark.parametrize('n', [8, 9, 15, 24, 30])
def test_a_lead_is_what_stands_before_the_window(tail, hop, lead, n):
    """Sample by sample: an index before the item's start turns round at 0 and at the end."""
    w = Windowing(samples=8, hop=hop, tail=tail, lead=lead)
    wave = np.random.default_rng(n).standard_normal(n, np.float32)
    windows, padded = cut(wave, w)
    assert windows.dtype == np.float32
    assert not padded.any()

    def at(i):
        i = abs(i) % (2 * n - 2)
        return wave[min(i, 2 * n - 2 - i)]

    for start, window in zip(starts(n, w).tolist(), windows, strict=True):
        np.testing.assert_array_equal(window, [at(i) for i in range(start - lead, start + 8)])


def test_a_lead_changes_no_window():
    wave = np.arange(45, dtype=np.float32)
    plain = Windowing(samples=8, hop=8, tail='overlap')
    led = Windowing(samples=8, hop=8, tail='overlap', lead=5)
    np.testing.assert_array_equal(starts(45, led), starts(45, plain))
    np.testing.assert_array_equal(cut(wave, led)[0][:, 5:], cut(wave, plain)[0])


def test_the_lead_of_the_first_window_mirrors_and_of_the_last_reaches_back():
    windows, _ = cut(np.arange(19.0), Windowing(samples=8, hop=8, tail='overlap', lead=2))
    assert windows[:, :3].tolist() == [[2, 1, 0], [6, 7, 8], [9, 10, 11]]


def test_a_short_item_is_repeated_before_its_lead_is_taken():
    windows, padded = cut(np.array([1.0, 2, 3]), Windowing(samples=8, hop=8, lead=5))
    assert windows.tolist() == [[3, 2, 1, 3, 2, 1, 2, 3, 1, 2, 3, 1, 2]]
    assert padded.tolist() == [True]
    with pytest.raises(AudioError):
        cut(np.zeros(3), Windowing(samples=8, hop=8, lead=5, min_samples=4))


def test_extended_without_lead_or_shortage_is_the_item_itself():
    wave = np.arange(9.0)
    assert extended(wave, Windowing(samples=8, hop=8)) is wave
    assert extended(np.ones(1), Windowing(samples=1, hop=1, lead=3)).tolist() == [1, 1, 1, 1]
