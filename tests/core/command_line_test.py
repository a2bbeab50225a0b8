import pytest

from jaxprobe.core import command_line
from jaxprobe.core.errors import ConfigError


def test_overrides_follow_their_config(tmp_path):
    (tmp_path / 'demo.py').touch()
    config = f'--config={tmp_path}/demo.py:smoke'
    command_line.check(['x', config, '--config.seed=1'])
    with pytest.raises(ConfigError, match='must come after --config=FILE'):
        command_line.check(['x', '--config.seed=1', config])
    with pytest.raises(ConfigError, match='there is no --config=FILE'):
        command_line.check(['x', '--config.seed=1'])


def test_an_absent_file_names_its_neighbours(tmp_path):
    (tmp_path / 'demo.py').touch()
    with pytest.raises(ConfigError, match=r"Did you mean '.*demo\.py'"):
        command_line.check(['x', f'--config={tmp_path}/dem.py'])


def test_a_misspelt_setting_is_named_with_the_near_one():
    text = command_line.explain(['x', '--config.probe.seed=3'], AttributeError('seed'))
    assert text.startswith('--config.probe.seed: no such setting. Did you mean probe.seeds')


def test_other_mistakes_keep_the_parsers_words():
    text = command_line.explain(['x', '--config.probe.seeds=many'], ValueError('not an int.'))
    assert text.startswith('ValueError: not an int. See')


def test_a_setting_with_nothing_near_lists_all():
    text = command_line.explain(['x', '--config.zzzzzz=3'], AttributeError('zzzzzz'))
    assert 'probe.seeds' in text


@pytest.mark.parametrize(
    'argument', ['--config.tasks=synth_key', '--config.tasks.synth_kei.items=8']
)
def test_tasks_are_set_in_the_config_file(argument):
    text = command_line.explain(['x', argument], ValueError('malformed node or string'))
    assert text.startswith(f'{argument}: ')
    assert 'c.tasks = dict(' in text
    assert '--config.tasks="{' in text
    assert 'malformed' not in text
