"""Cards of the user's own torch encoders: described without torch, and refused where they err."""

import subprocess
import sys

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.external import Tap, hear, torch_module

TAPS = (Tap('conv', 8, 'conv', 'BDT'), Tap('block', 8), Tap('clip', 4, axes='BD'))


def described(**changes):
    facts = {'name': 'mine', 'module': 'my_pkg.my_model:make', 'sample_rate': 16000}
    facts |= {'window_seconds': 2.0, 'frame_rate': 50.0, 'taps': TAPS}
    return torch_module(**(facts | changes))


def test_a_card_says_what_the_program_needs_to_know():
    card = described(citation='Me, 2026')
    assert [(layer.name, layer.width, layer.frames) for layer in card.layers] == [
        ('conv', 8, True),
        ('block', 8, True),
        ('clip', 4, False),
    ]
    assert card.mix == (0, 1)  # Those with frames, where they are alike.
    assert card.window_samples == card.min_samples == 32000
    assert card.citation == 'Me, 2026'
    assert card.weights_licence == 'not stated'
    assert [option.name for option in card.options] == ['device']


def test_mix_and_the_shortest_window_can_be_said():
    card = described(mix=('block',), min_seconds=0.5, short='refuse')
    assert card.mix == (1,)
    assert card.min_samples == 8000
    assert card.short == 'refuse'
    assert described(taps=(Tap('a', 8), Tap('b', 9))).mix == ()


def test_a_hear_card_has_the_layers_that_have_a_size():
    facts = {'name': 'h', 'module': 'hearbaseline', 'sample_rate': 16000, 'window_seconds': 2.0}
    both = hear(**facts, timestamp_size=8, scene_size=6)
    assert [(layer.name, layer.width, layer.frames) for layer in both.layers] == [
        ('timestamp', 8, True),
        ('scene', 6, False),
    ]
    assert [layer.name for layer in hear(**facts, scene_size=6).layers] == ['scene']
    with pytest.raises(ConfigError, match='needs layers'):
        hear(**facts)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'taps': ()}, 'needs layers'),
        ({'taps': (Tap('a', 8), Tap('a', 8))}, 'each of another name'),
        ({'taps': (Tap('a', 8, axes='BTF'),)}, "a: axes='BTF'"),
        ({'mix': ('blokc',)}, 'no such layer'),
        ({'licence': 'MIT'}, "no field 'licence'"),
    ],
)
def test_a_card_that_contradicts_itself_is_one_message(changes, message):
    with pytest.raises(ConfigError, match='mine') as caught:
        described(**changes)
    assert message in str(caught.value)


def test_a_module_with_a_card_is_listed_without_torch_and_jax(tmp_path):
    (tmp_path / 'my_card.py').write_text(
        'from jaxprobe.encoders.external import Tap, torch_module\n'
        "CARD = torch_module(name='mine', module='no.such:Thing', sample_rate=16000,\n"
        "    window_seconds=1.0, frame_rate=50.0, taps=(Tap('out', 8),))\n"
    )
    program = (
        'import sys; from jaxprobe.encoders import base; print(base.card("my_card:CARD").name,'
        '[m for m in ("jax", "torch", "flax") if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', program],
        env={'PYTHONPATH': f'{tmp_path}:{sys.path[0] or "."}:.', 'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == 'mine []', done.stderr


def test_an_installed_distribution_adds_its_encoder(tmp_path, monkeypatch):
    """An entry point of the group, as `pip install` writes it, in a process that starts then."""
    (tmp_path / 'my_dist.py').write_text(
        'from jaxprobe.encoders.external import Tap, torch_module\n'
        "CARD = torch_module(name='from_afar', module='my_dist:Net', sample_rate=16000,\n"
        "    window_seconds=1.0, frame_rate=50.0, taps=(Tap('out', 8),))\n"
    )
    folder = tmp_path / 'my_dist-1.0.dist-info'
    folder.mkdir()
    (folder / 'METADATA').write_text('Metadata-Version: 2.1\nName: my-dist\nVersion: 1.0\n')
    (folder / 'entry_points.txt').write_text('[jaxprobe.encoders]\nfrom_afar = my_dist:CARD\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(base.ENCODERS, '_all', None)  # It is read once per process.
    assert 'from_afar' in base.ENCODERS
    assert base.card('from_afar').sample_rate == 16000
    assert base.ENCODERS['muq'] == 'jaxprobe.encoders.muq.card:MUQ'
    monkeypatch.setattr(base.ENCODERS, '_all', None)
