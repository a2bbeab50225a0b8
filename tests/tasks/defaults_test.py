from jaxprobe.tasks import defaults
from jaxprobe.tasks.base import Kind


def test_metrics():
    assert defaults.metrics(Kind.MULTICLASS, ('a',))[0] == 'accuracy'
    assert defaults.metrics(Kind.REGRESSION, ('a', 'b')) == ('r2', 'r2_a', 'r2_b')


def test_protocol_is_marble_v1():
    tags, key = defaults.protocol(Kind.MULTILABEL), defaults.protocol(Kind.KEY, 30.0)
    assert (tags.monitor, tags.plateau_patience, tags.stop_patience) == ('roc_auc', 3, 10)
    assert (key.monitor, key.plateau_patience, key.stop_patience) == ('weighted_score', 5, 20)
    assert (tags.hidden, tags.dropout, tags.batch_items, tags.epochs) == ((512,), 0.2, 64, 100)
    assert (tags.window_seconds, key.window_seconds) == (0.0, 30.0)
