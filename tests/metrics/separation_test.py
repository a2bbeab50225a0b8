import numpy as np
import pytest

from jaxprobe.metrics import kinds, separation

LABELS = ('a', 'b', 'c')


def made():
    """Three stems in rising trouble, and estimates of them."""
    state = np.random.RandomState(0)
    stems = state.randn(3, 8000) * np.array([[1.0], [0.5], [0.2]])
    return stems, stems + state.randn(3, 8000) * np.array([[0.1], [0.3], [0.4]])


def scored(*pairs):
    references = [separation.reference_row(true, true.sum(axis=0)) for true, _ in pairs]
    scores = np.stack([separation.statistics(*pair) for pair in pairs])
    return separation.evaluate(np.stack(references), scores, LABELS)


def test_perfect():
    stems, _ = made()
    assert min(scored((stems, stems)).values()) > 90  # As far as the 1e-7 lets it.


def test_golden_numbers_of_museval():
    """museval 0.4.1, numpy 2.4: bss_eval(stems[..., None], found[..., None], window=inf, hop=inf,

    compute_permutation=False, bsseval_sources_version=False)[0], filters_len 1 and 512 alike.
    """
    found = scored(made())
    golden = (19.865733768918723, 4.313919887141378, -6.0395281296476355)
    assert [found[f'sdr_{label}'] for label in LABELS] == pytest.approx(golden, abs=1e-6)
    assert found['sdr'] == pytest.approx(np.mean(golden), abs=1e-6)


def test_a_wrong_gain_counts_as_in_museval():
    """As `bss_eval` with these settings does: no gain is forgiven."""
    stems, _ = made()
    wrong = np.stack([2 * stems[0], 0.7 * stems[1], stems[2]])
    found = scored((stems, wrong))
    assert found['sdr_a'] == pytest.approx(0, abs=1e-9)
    assert found['sdr_b'] == pytest.approx(-20 * np.log10(0.3), abs=1e-6)


def test_items_are_averaged_in_decibels():
    stems, found = made()
    both = scored((stems, found), (stems, stems + 0.1))
    each = [scored((stems, found))['sdr'], scored((stems, stems + 0.1))['sdr']]
    assert both['sdr'] == pytest.approx(np.mean(each))


def test_silence():
    """A silent target: right is 0 dB, anything else is far below."""
    stems, _ = made()
    stems[0] = 0
    assert scored((stems, stems))['sdr_a'] == 0.0
    assert scored((stems, stems + 0.01))['sdr_a'] < -60


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda r, s: (r[:0], s[:0]), 'empty'),
        (lambda r, s: (r, s[:, :5]), 'statistics are'),
        (lambda r, s: (r, s * np.nan), 'no energies'),
        (lambda r, s: (r, -s), 'no energies'),
        (lambda r, s: (r, 2 * s), 'other references'),
    ],
)
def test_malformed(change, says):
    stems, found = made()
    row = separation.reference_row(stems, stems.sum(axis=0))[None]
    with pytest.raises(ValueError, match=says):
        separation.evaluate(*change(row, separation.statistics(stems, found)[None]))
    with pytest.raises(ValueError, match='estimate is'):
        separation.statistics(stems, found[:, :-1])
    with pytest.raises(ValueError, match='2 labels for 3 targets'):
        separation.evaluate(row, row, LABELS[:2])


def test_constants_are_the_mixture_and_silence():
    stems, _ = made()
    row = separation.reference_row(stems, stems.sum(axis=0))[None]
    found = separation.constants(row, row, 6, LABELS)
    mixture = np.broadcast_to(stems.sum(axis=0), stems.shape)
    assert found['majority'] == scored((stems, mixture))
    assert found['majority']['sdr_a'] > 0 > found['majority']['sdr_c']
    assert found['best_constant']['sdr_a'] == found['majority']['sdr_a']
    assert found['best_constant']['sdr_c'] == 0.0


def test_items_of_the_mean():
    stems, found = made()
    row = separation.reference_row(stems, stems.sum(axis=0))[None]
    scores = separation.statistics(stems, found)[None]
    each = kinds.per_item('separation', 'sdr')
    assert each is not None
    assert each(row, scores).mean() == pytest.approx(separation.evaluate(row, scores)['sdr'])
    assert kinds.names('separation', LABELS) == ('sdr', 'sdr_a', 'sdr_b', 'sdr_c')
