"""Key maps and files, in the formats that CLMR's releases have: written here by torch itself."""

import argparse
import sys
import types
import zipfile

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.clmr import weights
from jaxprobe.encoders.clmr.card import CLMR, WIDTHS
from jaxprobe.encoders.clmr.model import TINY

torch = pytest.importorskip('torch')

PATH = 'jaxprobe.encoders.clmr.card:CLMR'


def sample_cnn(widths, seed=0):
    """SampleCNN's state dict, made by torch's own layers, every value off its default."""
    torch.manual_seed(seed)
    blocks = []
    for i, (inputs, outputs) in enumerate(zip((1, *widths), widths, strict=False)):
        stride, pad = (3, 0) if i == 0 else (1, 1)
        layers = [
            torch.nn.Conv1d(inputs, outputs, 3, stride, pad),
            torch.nn.BatchNorm1d(outputs),
            torch.nn.ReLU(),
        ]
        pool = [torch.nn.MaxPool1d(3, 3)] if 0 < i < len(widths) - 1 else []
        blocks.append(torch.nn.Sequential(*layers, *pool))
    model = torch.nn.Sequential(*blocks)
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var') or name.split('.')[1:] == ['1', 'weight']:
            torch.nn.init.uniform_(tensor, 0.5, 1.5)
        elif tensor.is_floating_point():
            torch.nn.init.normal_(tensor, 0, 0.3)
    return model.eval()


def named(prefix, widths=TINY, seed=0):
    state = sample_cnn(widths, seed).state_dict()
    return {f'{prefix}sequential.{name}': tensor for name, tensor in state.items()}


def lightning(monkeypatch):
    """What Lightning saves of the authors' module, with what it keeps beside the weights."""
    module = types.ModuleType('pytorch_lightning.callbacks')
    callback = type('ModelCheckpoint', (), {'__module__': module.__name__})
    monkeypatch.setattr(module, callback.__name__, callback, raising=False)
    monkeypatch.setitem(sys.modules, 'pytorch_lightning', types.ModuleType('pytorch_lightning'))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    width = TINY[-1]
    head = {f'model.projector.{i}.weight': torch.ones(width, width) for i in (0, 2)}
    return {
        'epoch': 9999,
        'global_step': 1,
        'pytorch-lightning_version': '1.2.6',
        'callbacks': {callback: {'best_model_score': torch.tensor(3.0)}},
        'optimizer_states': [{'state': {0: {'step': 3, 'exp_avg': torch.zeros(4)}}}],
        'lr_schedulers': [],
        'state_dict': named('encoder.') | named('model.encoder.') | head,
        'hparams_name': 'args',
        'hyper_parameters': {'args': argparse.Namespace(gpus=1)},
    }


def plain():
    width = TINY[-1]
    head = {f'projector.{i}.weight': torch.ones(width, width) for i in (0, 2)}
    return named('encoder.') | head | {'encoder.fc.weight': torch.zeros(50, width)}


def loaded(path):
    return weights.load(CLMR, TINY, str(path), 0)


@pytest.mark.parametrize('new', [True, False], ids=['zip', 'legacy'])
def test_every_release_holds_the_same_encoder(tmp_path, monkeypatch, new):
    files = {
        'clmr_epoch=10000.ckpt': lightning(monkeypatch),
        'clmr_checkpoint_10000.pt': plain(),
        'encoder_alone.pt': named(''),
    }
    identities = set()
    for name, held in files.items():
        torch.save(held, tmp_path / name, _use_new_zipfile_serialization=new)
    monkeypatch.undo()  # Reading needs no Lightning.
    for name in files:
        tensors, identity = loaded(tmp_path / name)
        identities.add(identity)
        assert set(tensors) == set(weights.template(TINY))
    assert len(identities) == 1
    kernel = files['encoder_alone.pt']['sequential.3.0.weight'].numpy()
    np.testing.assert_array_equal(tensors['conv3/kernel'], kernel.transpose(2, 1, 0))


def test_a_release_may_be_given_as_the_zip_it_is(tmp_path, monkeypatch):
    torch.save(lightning(monkeypatch), tmp_path / 'encoder.ckpt')
    torch.save({'encoder.x': torch.ones(1)}, tmp_path / 'head.ckpt')
    folder = 'clmr_magnatagatune_mlp'
    with zipfile.ZipFile(tmp_path / f'{folder}.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / 'encoder.ckpt', f'{folder}/clmr_epoch=10000.ckpt')
        archive.write(tmp_path / 'head.ckpt', f'{folder}/mlp_epoch=34-step=2589.ckpt')
    inside = loaded(tmp_path / 'encoder.ckpt')[1]
    assert loaded(tmp_path / f'{folder}.zip')[1] == inside
    assert loaded(tmp_path)[1] == inside  # The folder that holds it.


def test_zips_that_hold_no_release(tmp_path):
    path = tmp_path / 'x.zip'
    for members, seen in (
        (['notes.txt'], '0 files clmr.*notes.txt'),
        (['clmr_a.pt', 'clmr_b.pt'], '2 files clmr.*clmr_a.pt, clmr_b.pt'),
    ):
        with zipfile.ZipFile(path, 'w') as archive:
            for member in members:
                archive.writestr(member, 'x')
        with pytest.raises(WeightsError, match=seen):
            loaded(path)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('clmr.pt', 'no checkpoint')
    with pytest.raises(WeightsError, match=r'x\.zip: .*clmr\.pt is not a whole torch checkpoint'):
        loaded(path)


@pytest.mark.parametrize('kept', [0.3, 0.99])
def test_a_download_cut_short(tmp_path, kept):
    torch.save(plain(), tmp_path / 'whole.pt')
    data = (tmp_path / 'whole.pt').read_bytes()
    (tmp_path / 'x.pt').write_bytes(data[: int(kept * len(data))])
    with pytest.raises(WeightsError, match='cut short or damaged'):
        loaded(tmp_path / 'x.pt')


def test_a_damaged_zip(tmp_path):
    path = tmp_path / 'x.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('clmr.pt', b'x' * 1000)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match='Fetch it again'):
        loaded(path)


def test_missing_extra_renamed_and_misshaped_tensors_are_one_error(tmp_path):
    held = plain()
    del held['encoder.sequential.2.1.running_mean']
    held['encoder.sequential.4.0.weights'] = held.pop('encoder.sequential.4.0.weight')
    held['encoder.sequential.5.0.bias'] = torch.zeros(3)
    torch.save(held, tmp_path / 'x.pt')
    with pytest.raises(WeightsError) as caught:
        loaded(tmp_path / 'x.pt')
    for part in (
        'It looks like CLMR',
        'encoder.sequential.2.1.running_mean (for conv2/mean (5,))',
        'encoder.sequential.4.0.weight (for conv4/kernel (3, 6, 6))',
        'encoder.sequential.4.0.weights (6, 6, 3)',
        'encoder.sequential.5.0.bias (3,) gives (3,), but conv5/bias needs (6,)',
    ):
        assert part in str(caught.value)


def test_another_model_is_named(tmp_path):
    torch.save({'embeddings.4.weight': torch.ones(2)}, tmp_path / 'x.pt')
    with pytest.raises(WeightsError, match='It looks like VGGish'):
        loaded(tmp_path / 'x.pt')


def test_the_key_map_is_a_bijection_at_full_size():
    state = {name: t.numpy() for name, t in named('model.encoder.', WIDTHS).items()}
    filled = weights.fill(WIDTHS, state, 'memory')
    # 2 368 512 in the spec, and running means and variances, which torch counts as no parameters.
    assert sum(t.size for n, t in filled.items() if not n.endswith(('mean', 'variance'))) == 2368512
    used = {theirs for theirs, _ in weights.key_map(WIDTHS, 'model.encoder.').values()}
    assert {name for name in state if name not in used} == {
        f'model.encoder.sequential.{i}.1.num_batches_tracked' for i in range(11)
    }


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(TINY, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one['conv4/kernel'] != other['conv4/kernel']).all()
    assert (one['conv4/kernel'] != one['conv5/kernel']).all()


def test_what_is_nowhere_has_to_be_brought_by_hand():
    with pytest.raises(WeightsError, match=r'clmr_magnatagatune_mlp\.zip[\s\S]*releases/download'):
        base.load(PATH)


def test_a_release_that_unpacks_to_more_than_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'../{"clmr" * 99}.pt', bytes(40 << 20))
    with pytest.raises(WeightsError, match='would unpack to 41943040 bytes'):
        weights.read(tmp_path / 'x.zip')
