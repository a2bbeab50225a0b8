"""A user's `nn.Module` as an encoder: exact, pure, identified, and with readable mistakes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base, external_torch
from jaxprobe.encoders.contract import contract
from jaxprobe.encoders.subset import subset
from tests.encoders import torch_models

torch = pytest.importorskip('torch')
WAVE = np.random.RandomState(0).standard_normal((2, 1230)).astype(np.float32)


@pytest.fixture
def net(tmp_path, monkeypatch):
    return torch_models.write(monkeypatch, tmp_path, 'my_net', torch_models.NET)


def variant(tmp_path, monkeypatch, *changes, name='my_other_net'):
    """The same file with some text replaced."""
    source = torch_models.NET
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return torch_models.write(monkeypatch, tmp_path, name, source)


def test_it_keeps_the_contract(net):
    findings = contract(base.load(f'{net}:CARD'))
    assert [finding for finding in findings if not finding.ok] == []


def test_states_are_those_of_torch(net):
    encoder = base.load(f'{net}:CARD', seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = sys.modules[net].Net().eval()
    conv, block, out = encoder.encode(encoder.params, WAVE)
    with torch.inference_mode():
        wave = torch.from_numpy(WAVE)
        np.testing.assert_array_equal(
            conv, module.conv(sys.modules[net].loudness(wave)).transpose(1, 2)
        )
        np.testing.assert_array_equal(out, module(wave))
    assert block.shape == (2, 12, 8)
    assert {state.dtype for state in (conv, block, out)} == {np.dtype(np.float32)}


def test_bfloat16_computes_in_it_and_answers_in_float32(net):
    exact, rough = (base.load(f'{net}:CARD', dtype=d) for d in ('float32', 'bfloat16'))
    a, b = (encoder.encode({}, WAVE)[2] for encoder in (exact, rough))
    assert b.dtype == np.float32
    assert 1e-4 < np.abs(a - b).max() / np.abs(a).max() < 3e-2


@pytest.mark.parametrize(
    'returned',
    ['{"out": out, "more": 0}', '[out]', '(out,)', 'out'],
    ids=['dict', 'list', 'tuple', 'tensor'],
)
def test_what_the_module_returns_may_have_any_form(tmp_path, monkeypatch, returned):
    old = 'return self.head(self.drop(self.block(states)))'
    new = f'out = self.head(self.drop(self.block(states)))\n        return {returned}'
    name = variant(tmp_path, monkeypatch, (old, new))
    assert base.load(f'{name}:CARD').encode({}, WAVE)[2].shape == (2, 12, 4)


def test_a_tap_takes_the_first_tensor_of_several_and_one_vector_per_window(tmp_path, monkeypatch):
    name = variant(
        tmp_path,
        monkeypatch,
        ('self.block = nn.Linear(8, 8)', 'self.block = nn.GRU(8, 8, batch_first=True)'),
        ('self.drop(self.block(states))', 'self.drop(self.block(states)[0])).mean(1'),
        ("Tap('out', 4))", "Tap('out', 4, axes='BD'))"),
    )
    encoder = base.load(f'{name}:CARD')
    assert [s.shape for s in encoder.encode({}, WAVE)] == [(2, 12, 8), (2, 12, 8), (2, 1, 4)]
    assert [f for f in contract(encoder) if not f.ok] == []


def test_an_instance_and_some_of_its_layers(net):
    module = sys.modules.get(net) or __import__(net)
    module.INSTANCE = module.Net().train()
    encoder = base.load(f'{net}:CARD')
    same = external_torch.build(
        encoder.card.__class__(**{**vars(encoder.card), 'module': f'{net}:INSTANCE'}),
        weights='',
        arch='',
        dtype='float32',
        seed=0,
        options={'device': 'cpu'},
    )
    assert not module.INSTANCE.training
    assert not any(p.requires_grad for p in module.INSTANCE.parameters())
    assert [f for f in contract(same) if not f.ok] == []
    kept = subset(encoder, 'block,out')
    assert kept.host
    assert [s.shape[2] for s in kept.encode({}, WAVE)] == [8, 4]


def test_identity_follows_tensors_and_source(net, tmp_path, monkeypatch):
    known = base.load(f'{net}:CARD').weights_sha256
    assert base.load(f'{net}:CARD').weights_sha256 == known
    other_seed = base.load(f'{net}:CARD', seed=1).weights_sha256
    assert other_seed.split('-')[0] != known.split('-')[0]
    assert other_seed.split('-')[1] == known.split('-')[1]
    (tmp_path / 'my_net.py').write_text((tmp_path / 'my_net.py').read_text() + '# Edited.\n')
    edited = base.load(f'{net}:CARD').weights_sha256
    assert edited.split('-')[0] == known.split('-')[0]
    assert edited.split('-')[1] != known.split('-')[1]


@pytest.mark.parametrize('kind', ['float16', 'bfloat16', 'bool', 'int64', 'complex64'])
def test_identity_of_tensors_of_any_type(kind):
    module = torch.nn.Module()
    module.register_buffer('held', torch.ones(2, 3).to(getattr(torch, kind)))
    module.register_buffer('empty', torch.zeros(0))
    module.register_buffer('one', torch.tensor(1.0), persistent=False)
    before = external_torch.identity(torch, module, None, __name__)
    module.held[1, 2] = 0
    assert external_torch.identity(torch, module, None, __name__) != before


def test_untrained_where_the_function_says_how(net):
    one, other = (base.load(f'{net}:MADE', weights='random', seed=seed) for seed in (1, 2))
    assert one.weights_sha256.startswith('random-1-')
    assert one.card.weights_licence == 'none: random weights'
    assert not np.array_equal(one.encode({}, WAVE)[0], other.encode({}, WAVE)[0])
    with pytest.raises(ConfigError, match='takes? an argument `weights`'):
        base.load(f'{net}:CARD', weights='random')


def test_a_checkpoint_is_loaded_whole_or_refused(net, tmp_path):
    module = __import__(net).Net()
    state = module.state_dict()
    torch.save(state, tmp_path / 'net.pt')
    with torch.inference_mode():
        wanted = module.eval()(torch.from_numpy(WAVE))
    for name, layer in (('CARD', 2), ('MADE', 0)):
        encoder = base.load(f'{net}:{name}', weights=str(tmp_path / 'net.pt'))
        np.testing.assert_array_equal(encoder.encode({}, WAVE)[layer], wanted)
    state['extra'] = state.pop('head.bias')
    torch.save(state, tmp_path / 'net.pt')
    with pytest.raises(WeightsError, match='(?s)does not fit.*head.bias.*extra'):
        base.load(f'{net}:CARD', weights=str(tmp_path / 'net.pt'))
    with pytest.raises(ConfigError, match='(?s)cannot be built.*head.bias'):
        base.load(f'{net}:MADE', weights=str(tmp_path / 'net.pt'))
    with pytest.raises(WeightsError, match='no file'):
        base.load(f'{net}:CARD', weights=str(tmp_path / 'nothing.pt'))


def test_half_precision_weights_are_computed_with_in_float32(tmp_path, monkeypatch):
    name = variant(tmp_path, monkeypatch, ('net = Net()', 'net = Net().half()'))
    assert np.isfinite(base.load(f'{name}:MADE').encode({}, WAVE)[0]).all()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ([("'block', 8, 'block'", "'block', 8, 'blocc'")], "no submodule 'blocc'. Did you mean"),
        ([("Tap('out', 4)", "Tap('out', 5)")], "'out' came as (2, 12, 4)"),
        ([("'conv', 'BDT'", "'conv', 'BTD'")], "'conv' came as (2, 8, 12)"),
        ([("'conv', 'BDT'", "'conv', 'BD'")], "its axes are 'BD'"),
        ([("'conv', 8, 'conv', 'BDT'", "'conv', 8, 'drop', 'BDT'")], "'conv' came as (2, 8, 12)"),
        ([('(self.block(states))', '(self.block(self.block(states)))')], "'block' ran 2 times"),
        ([('return self.head', 'return 1 / 0 + self.head')], 'ZeroDivisionError'),
        ([('self.drop = nn.Dropout(0.5)', 'self.drop = nn.Drapout(0.5)')], 'cannot be built'),
        ([("Tap('out', 4)", "Tap('a', 4), Tap('b', 4)")], 'returned 1 states and its card has 2'),
        ([('{module}:Net', '{module}:FACTS')], 'cannot be built'),
        ([('{module}:Net', '{module}:Nett')], "no attribute 'Nett'"),
        ([('{module}:Net', 'no_such_package:Net')], "'no_such_package' cannot be imported"),
        ([('{module}:Net', 'builtins:dict')], 'gave a dict, not a torch.nn.Module'),
    ],
)
def test_a_mistake_is_one_message(tmp_path, monkeypatch, changes, message):
    name = variant(tmp_path, monkeypatch, *changes)
    with pytest.raises(ConfigError) as caught:
        base.load(f'{name}:CARD').encode({}, WAVE)
    assert message in str(caught.value)


def test_a_dict_without_the_layer_is_one_message(tmp_path, monkeypatch):
    name = variant(
        tmp_path,
        monkeypatch,
        ('return self.head(self.drop(self.block(states)))', 'return {"ouput": self.block(states)}'),
        ("Tap('conv', 8, 'conv', 'BDT'), Tap('block', 8, 'block'), ", ''),
    )
    with pytest.raises(ConfigError, match="no 'out'. Did you mean 'ouput'"):
        base.load(f'{name}:CARD').encode({}, WAVE)


def test_an_architecture_or_a_device_that_is_not_there(net):
    with pytest.raises(ConfigError, match='Leave arch empty'):
        base.load(f'{net}:CARD', arch='tiny')
    with pytest.raises(ConfigError, match='must be one of: cpu, cuda'):
        base.load(f'{net}:CARD', options={'device': 'tpu'})
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match='sees no CUDA device'):
            base.load(f'{net}:CARD', options={'device': 'cuda'})


def test_without_torch_the_extra_is_named(net, monkeypatch):
    base.card(f'{net}:CARD')  # The user's own file may import torch by itself.
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(ConfigError, match=r"pip install 'jaxprobe\[torch\]'"):
        base.load(f'{net}:CARD')


def test_another_card_that_names_this_build_is_refused():
    with pytest.raises(ConfigError, match=r'external\.torch_module or \.hear'):
        external_torch.torch_card(base.card('fbank_chroma'), '')


def test_the_extract_stage_stores_the_means_of_torch_states(net):
    import jax

    from jaxprobe.stages.encode import Encoding, Row
    from tests.features import store_case

    encoder = base.load(f'{net}:CARD')
    layers = tuple((layer.name, layer.width) for layer in encoder.card.layers)
    spec = store_case.spec(layers=layers, sample_rate=1000, window_samples=1230, batch_windows=2)
    encoding = Encoding(encoder, spec, jax.local_devices())
    (done,) = [*encoding.start(WAVE, [Row(0, 0, 0, False)]), *encoding.drain()]
    conv, block, out = encoder.encode({}, WAVE)
    np.testing.assert_allclose(done.groups[8][:, 0], conv.mean(1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(done.groups[8][:, 1], block.mean(1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(done.groups[4][:, 0], out.mean(1), rtol=1e-5, atol=1e-7)
    assert done.groups[8].dtype == np.float32
    assert done.finite.tolist() == [True, True]


PROGRAM = """
import faulthandler, sys
import numpy as np
faulthandler.dump_traceback_later(60, exit=True)
import jax, jax.numpy as jnp
from jaxprobe.encoders import base
from jaxprobe.stages.encode import Encoding, Row
from tests.features import store_case

encoder = base.load('my_net:CARD')
layers = tuple((layer.name, layer.width) for layer in encoder.card.layers)
spec = store_case.spec(layers=layers, sample_rate=1000, window_samples=100000, batch_windows=32)
encoding, done = Encoding(encoder, spec, jax.local_devices()), 0
busy = jax.jit(lambda x: (x @ x).sum())
for turn in range(4):
    busy(jnp.ones((500, 500)))  # Something else of jax's in flight.
    wave = np.random.RandomState(turn).standard_normal((32, 100000)).astype(np.float32)
    done += len(list(encoding.start(wave, [Row(turn, 0, 0, False)])))
print('finished', done + len(list(encoding.drain())))
"""


def test_large_batches_on_one_core_never_wait_for_themselves(net, tmp_path):
    """The same through `jax.pure_callback` stands still after a few batches (jax 0.10.2)."""
    one = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, '-c', f'import os; os.sched_setaffinity(0, {{{one}}})\n{PROGRAM}'],
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}:.', 'JAX_NUM_CPU_DEVICES': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == 'finished 4', done.stderr[-2000:]
