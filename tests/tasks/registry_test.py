import subprocess
import sys

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.tasks import registry


def test_options_of_the_task_and_of_its_protocol():
    task = registry.build('synth_key', {'items': [30, 10, 10], 'epochs': 7, 'hidden': (64,)})
    assert task.options == {'items': (30, 10, 10), 'seed': 0, 'epochs': 7, 'hidden': (64,)}
    assert (task.protocol.epochs, task.protocol.hidden) == (7, (64,))
    assert registry.build('synth_key', {'hidden': 64}).protocol.hidden == (64,)  # One is a tuple.
    assert task.card.items == {'train': 30, 'valid': 10, 'test': 10}


def test_text_is_read_as_the_default_is():
    task = registry.build('synth_key', {'items': '30,10,10', 'epochs': '7', 'dropout': '0'})
    assert task.options['items'] == (30, 10, 10)
    assert task.protocol.epochs == 7
    assert task.protocol.dropout == 0.0


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'item': 3}, "no option 'item'. Did you mean 'items'"),
        ({'epoch': 3}, "Did you mean 'epochs'"),
        ({'epochs': 'many'}, "synth_key.epochs='many' cannot be read as int"),
        ({'epochs': 2.5}, 'cannot be read as int'),
        ({'items': 'a,b,c'}, 'cannot be read as tuple'),
        ({'items': 5}, 'three counts'),
        ({'items': (5, 5)}, 'three counts'),
        ({'items': (5, 5, 0)}, 'three counts'),
        ({'monitor': 'acuracy'}, "Did you mean 'accuracy'"),
        ({'dropout': 1.0, 'epochs': 0}, r'epochs=0 .*; dropout=1.0 must be'),
        ({'aggregation': 'mean'}, 'not logits, probs or embeddings'),
        ({'tail': 'keep'}, 'not drop, overlap or pad'),
        ({'plateau_factor': 0.0, 'window_seconds': -1.0}, 'plateau_factor=0.0.*window_seconds=-1'),
        ({'hidden': (0,)}, 'positive widths'),
    ],
)
def test_options_that_do_not_fit(options, words):
    with pytest.raises(ConfigError, match=words):
        registry.build('synth_key', options)


@pytest.mark.parametrize('aggregation', ['probs', 'embeddings'])
def test_frames_are_not_aggregated(aggregation):
    with pytest.raises(ConfigError, match=f"'{aggregation}' joins the windows of an item"):
        registry.build('gtzan_rhythm', {'aggregation': aggregation})


def test_unknown_task():
    with pytest.raises(ConfigError, match="Did you mean 'gtzan_genre'"):
        registry.build('gtzan_gender')


def test_a_dotted_path_is_a_task():
    assert registry.build('jaxprobe.tasks.gtzan:genre').name == 'gtzan_genre'


def test_listing_tasks_is_cheap():
    code = (
        'import sys, time; start = time.process_time()\n'
        'from jaxprobe.tasks import registry\n'
        'for name in registry.TASKS: registry.build(name)\n'
        'took = time.process_time() - start\n'
        'heavy = {"jax", "librosa", "transformers", "soundfile", "scipy", "numpy", "matplotlib"}\n'
        'assert not heavy & set(sys.modules), heavy & set(sys.modules)\n'
        'assert took < 0.5, took\n'  # 0.06 s on a quiet machine; the margin is for busy ones.
    )
    subprocess.run([sys.executable, '-c', code], check=True, cwd=_root())


def _root():
    import jaxprobe

    return next(iter(jaxprobe.__path__)) + '/..'
