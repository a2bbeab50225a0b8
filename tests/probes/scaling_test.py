import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.probes import bank, moments, scaling
from tests.probes import made

TRAIN, VALID, TEST = made.splits('multiclass')
PLACES = ((12, 0), (20, 0), (20, 1), (20, 2))  # Of the four layers, by width.


def layer(split, place):
    width, column = place
    return split.groups[width][:, column]


def by_item(split, rows):
    return np.stack([rows[f : f + c].mean(0) for f, c in zip(split.first, split.count)])


@pytest.mark.parametrize('streamed', [False, True])
def test_standardised_rows_are_scikit_learns(streamed, monkeypatch):
    monkeypatch.setattr(moments, 'CHUNK', 3000)  # Several reads.
    train = made.streamed([TRAIN])[0] if streamed else TRAIN
    found = scaling.fit(train, made.WIDTHS, standardise=True)
    assert found.out_widths == made.WIDTHS
    ours = found.split(TEST)
    for place in PLACES:
        expected = StandardScaler().fit(layer(TRAIN, place)).transform(layer(TEST, place))
        np.testing.assert_allclose(layer(ours, place), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('standardise', [False, True])
def test_components_are_scikit_learns_up_to_the_sign(standardise, monkeypatch):
    monkeypatch.setattr(scaling, 'BUDGET', 4000)  # One layer after another.
    found = scaling.fit(TRAIN, made.WIDTHS, standardise=standardise, components=5)
    assert found.out_widths == (5,) * 4
    ours = found.split(made.streamed([TEST])[0])
    rows = ours.groups.read(np.arange(len(layer(TEST, PLACES[0]))))[5]
    for number, place in enumerate(PLACES):
        fitted, shown = layer(TRAIN, place).astype(float), layer(TEST, place).astype(float)
        if standardise:
            scaler = StandardScaler().fit(fitted)
            fitted, shown = scaler.transform(fitted), scaler.transform(shown)
        reference = PCA(5, svd_solver='full').fit(fitted)
        expected = reference.transform(shown)
        signs = np.sign((rows[:, number] * expected).sum(0))
        np.testing.assert_allclose(rows[:, number], expected * signs, rtol=1e-4, atol=1e-4)
        basis = found.layers[number].basis
        assert (basis[np.abs(basis).argmax(0), np.arange(5)] > 0).all()


def test_rows_of_items_where_items_are_rows():
    found = scaling.fit(TRAIN, made.WIDTHS, standardise=True, by_item=True)
    for number, place in enumerate(PLACES):
        rows = by_item(TRAIN, layer(TRAIN, place))
        np.testing.assert_allclose(found.layers[number].mean, rows.mean(0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.layers[number].deviation, rows.std(0), rtol=1e-5)


def test_chosen_items_alone_are_fitted_on():
    chosen = np.arange(0, 70, 2)
    found = scaling.fit(TRAIN._replace(chosen=chosen), made.WIDTHS, standardise=True)
    owner = np.repeat(np.arange(70), TRAIN.count)
    mine = layer(TRAIN, PLACES[0])[np.isin(owner, chosen)]
    np.testing.assert_allclose(found.layers[0].mean, mine.mean(0), rtol=1e-4, atol=1e-6)


def test_a_column_that_never_changes_is_only_centred():
    groups = {w: g.copy() for w, g in TRAIN.groups.items()}
    groups[12][:, 0, 3] = 0.1  # Not exact in binary.
    groups[20][:, 1, 7] = 0.0
    found = scaling.fit(TRAIN._replace(groups=groups), made.WIDTHS, standardise=True)
    assert found.layers[0].deviation[3] == found.layers[2].deviation[7] == 1.0
    np.testing.assert_allclose(found.rows(groups)[12][:, 0, 3], 0.0, atol=1e-7)


def test_a_bank_reads_transformed_rows_streamed_as_resident():
    spec = made.spec(epochs=2, seeds=1, sources=made.spec().sources[4:])  # The mix.
    found = scaling.fit(TRAIN, made.WIDTHS, standardise=True, components=6)
    results = []
    for parts in ((TRAIN, VALID, TEST), made.streamed((TRAIN, VALID, TEST))):
        splits = [found.split(part) for part in parts]
        feed = 'resident' if parts[0] is TRAIN else 'streamed'
        results.append(bank.train(spec, found.out_widths, *splits, data=feed))
    np.testing.assert_allclose(results[0].test_logits, results[1].test_logits, atol=2e-5)


def test_too_many_components_are_refused():
    with pytest.raises(ConfigError, match='probe.pca=13: a layer of this encoder has 12'):
        scaling.fit(TRAIN, made.WIDTHS, standardise=False, components=13)
    few = TRAIN._replace(chosen=np.arange(2))
    with pytest.raises(DataError, match='rows to train on'):
        scaling.fit(few, made.WIDTHS, standardise=False, components=12)
