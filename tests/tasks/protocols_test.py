import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.tasks import protocols, registry

CHOSEN = [
    'gtzan_genre', 'beatport_key', 'tinysol_instrument', 'vocalset_singer', 'magnatagatune',
    'emomusic', 'synth_key',
]  # fmt: skip


@pytest.mark.parametrize('name', CHOSEN)
def test_mir_ref_on_every_clip_task(name):
    plain, task = registry.build(name), registry.build(name, {'protocol': 'mir_ref'})
    p = task.protocol
    assert (p.epochs, p.batch_items, p.stop_patience, p.monitor) == (100, 100, 10, 'loss')
    assert (p.l2, p.learning_rates, p.hidden, p.dropout) == (1e-5, (1e-3,), (), 0.0)
    assert (p.aggregation, p.plateau_factor, p.select_by) == ('embeddings', 1.0, plain.primary)
    assert task.metrics[: len(plain.metrics)] == plain.metrics
    assert task.primary == plain.primary
    assert p.window_seconds == plain.protocol.window_seconds
    assert task.options['protocol'] == 'mir_ref'
    if task.kind.value != 'regression':
        assert {'micro_f1', 'macro_f1'} <= set(task.metrics)


def test_marble_is_what_a_task_does_anyway():
    plain, named = registry.build('emomusic'), registry.build('emomusic', {'protocol': 'marble_v1'})
    assert named.protocol == plain.protocol
    assert named.metrics == plain.metrics
    assert plain.protocol.l2 == 0.0
    assert plain.protocol.learning_rates == ()


def test_numbers_given_one_by_one_go_before_the_name():
    options = {'hidden': '256,128', 'protocol': 'mir_ref', 'learning_rates': '1e-3,1e-4', 'l2': 0}
    p = registry.build('gtzan_genre', options).protocol
    assert (p.hidden, p.learning_rates, p.l2) == ((256, 128), (1e-3, 1e-4), 0.0)
    assert p.stop_patience == 10


def test_unknown_and_unfit():
    with pytest.raises(ConfigError, match="Did you mean 'mir_ref'"):
        registry.build('gtzan_genre', {'protocol': 'mirref'})
    with pytest.raises(ConfigError, match='items with one answer'):
        protocols.named('mir_ref', registry.build('gtzan_rhythm'))
