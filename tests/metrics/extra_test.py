import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import classification_report, f1_score

from jaxprobe.core.errors import ConfigError
from jaxprobe.metrics import beats, extra, key, separation

GOLDEN = Path(__file__).parents[1] / 'golden'


def accuracy(reference, scores):
    scores[:] = scores.round(6)  # What it is given is its own.
    return (scores.argmax(1) == reference).mean()


def first(reference, scores):
    return reference[:1]


def truth(reference, scores):
    return True


def nothing(reference, scores):
    return float('nan')


def broken(reference, scores):
    return scores[10**9]


NOT_CALLABLE = 3
SAMPLE = np.array([0, 1, 1, 2]), np.eye(3)[[0, 1, 2, 2]]


def path(function):
    return f'tests.metrics.extra_test:{function}'


def test_a_users_metric():
    assert extra.metric('multiclass', path('accuracy'))(*SAMPLE) == 0.75
    assert len(extra.source_sha256(path('accuracy'))) == 64
    assert extra.source_sha256('math:hypot') == ''


@pytest.mark.parametrize(
    ('name', 'says'),
    [
        ('no_such_package.x:f', "module 'no_such_package' cannot be imported"),
        (path('no_such'), "has no attribute 'no_such'"),
        (path('NOT_CALLABLE'), 'cannot be called'),
        ('micro_f', "Did you mean 'micro_f1'"),
    ],
)
def test_names_that_lead_nowhere(name, says):
    with pytest.raises(ConfigError, match=says):
        extra.check('multiclass', ['micro_f1', name])


def test_a_kind_without_others():
    with pytest.raises(ConfigError, match='A regression task has no others'):
        extra.check('regression', ['micro_f1'])


@pytest.mark.parametrize(
    ('function', 'error', 'says'),
    [
        ('first', ConfigError, r'returns array\(\[0\]\) \(ndarray\).*must return one number'),
        ('truth', ConfigError, 'returns True'),
        ('nothing', ValueError, 'is nan for 4 items'),
        ('broken', ValueError, 'raises IndexError: index 1000000000'),
    ],
)
def test_answers_that_are_no_score(function, error, says):
    with pytest.raises(error, match=says):
        extra.metric('multiclass', path(function))(*SAMPLE)


@pytest.mark.parametrize('seed', range(5))
def test_f1_of_classes_is_scikit_learns(seed):
    random = np.random.RandomState(seed)
    reference, scores = random.randint(0, 6, 90), random.randn(90, 6)
    report = classification_report(np.eye(6)[reference], np.eye(6)[scores.argmax(1)],
                                   output_dict=True, zero_division=0)  # fmt: skip
    micro = extra.metric('multiclass', 'micro_f1')(reference, scores)
    assert micro == pytest.approx(report['micro avg']['f1-score'], abs=1e-6)
    macro = extra.metric('key', 'macro_f1')(reference, scores)
    assert macro == pytest.approx(report['macro avg']['f1-score'], abs=1e-6)


def test_constants_of_tags():
    """All tags on is best for macro F1; the most frequent ones for micro F1."""
    random = np.random.RandomState(0)
    train = (random.rand(50, 5) < (0.9, 0.6, 0.3, 0.2, 0.05)).astype(np.float32)
    test = (random.rand(60, 5) < (0.9, 0.6, 0.3, 0.2, 0.05)).astype(np.float32)
    given = np.tile(train.mean(0) > 0.5, (60, 1)).astype(int)
    found = extra.constants('multilabel', 'micro_f1', train, test, 5)
    assert found['majority'] == pytest.approx(f1_score(test, given, average='micro'))
    subsets = [np.tile(bits, (60, 1)) for bits in np.indices((2,) * 5).reshape(5, -1).T[1:]]
    every = [f1_score(test, bits, average='micro', zero_division=0) for bits in subsets]
    assert found['best_constant'] == pytest.approx(max(every))
    found = extra.constants('multilabel', 'macro_f1', train, test, 5)
    assert found['best_constant'] == pytest.approx(
        f1_score(test, np.ones((60, 5)), average='macro')
    )


def test_constants_of_users_metrics():
    reference = np.array([0, 1, 1, 2])
    found = extra.constants('multiclass', path('accuracy'), np.array([2, 2, 0]), reference, 3)
    assert found == {'majority': 0.25, 'best_constant': 0.5}
    found = extra.constants('multiclass', path('nothing'), np.array([2, 2, 0]), reference, 3)
    assert np.isnan(list(found.values())).all()
    values = np.array([[1.0], [3.0]], np.float32)
    found = extra.constants(
        'regression', 'tests.metrics.extra_test:nearness', values, values + 1, 1
    )
    assert found == {'majority': -1.0, 'best_constant': 0.0}


def recall_of_beats(reference, scores):
    return scores[:, 0].sum() / reference[:, 0].sum()


def mean_recall_of_classes(reference, scores):
    confusion = scores[:, :4].reshape(-1, 2, 2).sum(0)
    return np.mean(confusion.diagonal() / confusion.sum(1))


def worst_stem(reference, scores):
    return separation.ratios(scores).min()


def test_users_metrics_of_frames_are_given_what_items_leave():
    times = np.arange(0.0, 10.0, 0.5)
    row = beats.reference_row((times, times[::4]), 10.0)[None]
    found = extra.constants('beats', path('recall_of_beats'), row, row, 2)
    assert found == {'majority': 1.0, 'best_constant': 1.0}  # 120 BPM is one of the metronomes.
    late = beats.statistics((times, times[::4]), (times + 0.2, times))[None]
    assert extra.metric('beats', path('recall_of_beats'))(row, late) == 0

    reference = np.array([[30.0, 10.0]])
    found = extra.constants('frames', path('mean_recall_of_classes'), reference, reference, 2)
    assert found == {'majority': 0.5, 'best_constant': 0.5}

    waves = np.random.RandomState(0).standard_normal((2, 100))
    row = separation.reference_row(waves, waves.sum(0))[None]
    found = extra.constants('separation', path('worst_stem'), row, row, 2)
    assert found['best_constant'] == pytest.approx(0.0, abs=1e-9)
    assert found['majority'] < 0


def nearness(reference, scores):
    return -float(np.abs((reference - scores).mean()))


def test_the_24_constants_of_giantsteps():
    """spec/tasks.md 7.3 prints six of them; a probe at one of these has not listened (T9)."""
    counts = json.loads((GOLDEN / 'giantsteps_key_counts.json').read_text())['counts']
    reference = np.repeat(np.arange(24), [counts[name] for name in key.LABELS])
    assert len(reference) == 604
    table = json.loads((GOLDEN / 'giantsteps_key_constants.json').read_text())['constants']
    found = {
        name: round(100 * key.weighted_score(reference, np.tile(np.eye(24)[k], (604, 1))), 2)
        for k, name in enumerate(key.LABELS)
    }
    assert found == table
    printed = {'C minor': 15.76, 'G minor': 15.17, 'F minor': 14.95, 'A minor': 13.36,
               'E minor': 13.15, 'D minor': 12.53}  # fmt: skip
    assert {name: table[name] for name in printed} == printed
    assert sorted(table, key=lambda name: -table[name])[:6] == list(printed)
    best = key.constants(reference, reference)
    assert key.LABELS[best['best_constant_class']] == 'C minor'
