import dataclasses
import subprocess
import sys

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base

OWN = dataclasses.replace(base.card('toy_conformer'), name='mine')


def test_a_card_costs_no_model():
    code = (
        'import sys; from jaxprobe.encoders import base;'
        '[base.card(name) for name in base.ENCODERS];'
        'print([m for m in ("jax", "flax", "transformers", "numpy") if m in sys.modules])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_unknown_encoder_names_the_near_one():
    with pytest.raises(ConfigError, match="encoder 'musicn' is unknown. Did you mean 'musicnn_"):
        base.load('musicn')


def test_a_dotted_path_to_a_card_of_ones_own():
    assert base.card(f'{__name__}:OWN').name == 'mine'
    encoder = base.load(f'{__name__}:OWN', weights='random', seed=3)
    assert encoder.weights_sha256 == 'random-3'


def test_importing_one_encoder_never_imports_another():
    code = (
        'import sys; from jaxprobe.encoders import base; base.load("fbank_chroma");'
        'print([m for m in sys.modules if m.startswith("jaxprobe.encoders.mu")])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert "'jaxprobe.encoders.muq.model'" not in done.stdout
    assert 'musicnn.model' not in done.stdout


def test_a_dotted_path_to_something_else():
    with pytest.raises(ConfigError, match='is a function, not a Card'):
        base.card('os.path:join')
