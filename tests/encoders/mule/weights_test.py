import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.mule import weights
from jaxprobe.encoders.mule.architecture import TINY, Arch
from tests.encoders.loading import keras_writer
from tests.encoders.mule import keras_case

PARTS = keras_case.drawn(TINY)
V = '/.ATTRIBUTES/VARIABLE_VALUE'


def agree(found):
    wanted = keras_case.expected(PARTS)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.parametrize('start', [0, 7, 98])
def test_an_archive_is_read_wherever_the_sessions_counters_stood(tmp_path, start):
    keras_case.write_archive(tmp_path / 'm.keras', TINY, PARTS, start)
    agree(weights.read(TINY, tmp_path / 'm.keras'))
    agree(weights.read(TINY, tmp_path))


@pytest.mark.parametrize('given', ['', 'variables', 'saved_model.pb', 'variables/variables.index'])
def test_a_saved_model_is_read_whatever_of_it_is_named(tmp_path, given):
    keras_case.write_saved_model(tmp_path / 'model', TINY, PARTS)
    agree(weights.read(TINY, tmp_path / 'model' / given))


def test_kernels_are_standardised_per_output():
    """Zero mean and unit length over everything that enters an output, times its gain."""
    v, gain, _ = PARTS['slow.1.0.time']
    kernel = weights.standardised(v, gain)
    np.testing.assert_allclose(kernel.sum((0, 1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.sqrt((kernel**2).sum((0, 1, 2))), gain, rtol=1e-5)
    flat = weights.standardised(np.full((1, 1, 4, 2), 3.0), np.ones(2))
    np.testing.assert_array_equal(flat, 0.0)  # The floor under the variance.


def paths():
    layers, parts = keras_case.config(TINY)
    found = weights.h5_file.paths(layers)
    return {part: found[name] for name, part in parts.items()}


def test_missing_extra_renamed_and_misshaped_tensors_are_one_error(tmp_path):
    at = paths()
    lost, renamed, shaped = at['slow.stem.1'], at['fast.1.0.squeeze'], at['slow.0.0.skip']

    def spoil(layers, tensors):
        del tensors[f'{lost}/layer/vars/0']
        tensors['layers/dense_99/vars/0'] = np.zeros((2, 2))
        tensors[f'{renamed}/vars/kernel'] = tensors.pop(f'{renamed}/vars/0')
        tensors[f'{shaped}/vars/0'] = np.zeros((1, 1, 9, 9))

    keras_case.write_archive(tmp_path / 'm.keras', TINY, PARTS, change=spoil)
    with pytest.raises(WeightsError) as caught:
        weights.read(TINY, tmp_path / 'm.keras')
    for part in (
        f'{lost}/layer/vars/0 (for slow.stem.1/bias (2,))',
        'layers/dense_99/vars/0 (2, 2)',
        f'{renamed}/vars/0 (for fast.1.0.squeeze/kernel (8, 4))',
        f'{renamed}/vars/kernel (8, 4)',
        f'{shaped}/vars/0 (1, 1, 9, 9)',
        'slow.0.0.skip/kernel needs (1, 1, 8, 8)',
    ):
        assert part in str(caught.value)


def test_a_layer_too_few_is_an_error(tmp_path):
    def spoil(layers, tensors):
        layers.remove(next(layer for layer in layers if layer['class_name'] == 'Dense'))

    keras_case.write_archive(tmp_path / 'm.keras', TINY, PARTS, change=spoil)
    with pytest.raises(WeightsError, match=r'number 11 of 11 as constructed'):
        weights.read(TINY, tmp_path / 'm.keras')


def test_a_spoilt_saved_model_is_one_error(tmp_path):
    def spoil(tensors):
        del tensors[f'layer_with_weights-3/gain{V}']
        tensors[f'layer_with_weights-500/kernel{V}'] = np.zeros((2, 2), np.float32)
        tensors[f'variables/2{V}'] = np.zeros(99, np.float32)

    keras_case.write_saved_model(tmp_path / 'model', TINY, PARTS, spoil)
    with pytest.raises(WeightsError) as caught:
        weights.read(TINY, tmp_path / 'model')
    for part in ('layer_with_weights-3/gain', 'layer_with_weights-500/kernel', 'variables/2'):
        assert part in str(caught.value)


def test_files_cut_short_are_named(tmp_path):
    keras_case.write_archive(tmp_path / 'm.keras', TINY, PARTS)
    data = (tmp_path / 'm.keras').read_bytes()
    (tmp_path / 'm.keras').write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match='damaged'):
        weights.read(TINY, tmp_path)
    keras_case.write_saved_model(tmp_path / 'model', TINY, PARTS)
    file = tmp_path / 'model' / 'variables' / 'variables.data-00000-of-00001'
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsError, match='cut short'):
        weights.read(TINY, tmp_path / 'model')


def test_the_published_size_needs_the_published_file(tmp_path):
    keras_case.write_archive(tmp_path / 'm.keras', TINY, PARTS)
    with pytest.raises(WeightsError, match='of another shape'):
        weights.read(Arch(), tmp_path / 'm.keras')


def test_two_archives_in_a_folder_are_not_guessed_between(tmp_path):
    for name in ('a.keras', 'b.keras'):
        keras_case.write_archive(tmp_path / name, TINY, PARTS)
    with pytest.raises(WeightsError, match=r'several archives: a\.keras, b\.keras'):
        weights.read(TINY, tmp_path)


def of_class(layers, name):
    return next(layer for layer in layers if layer['class_name'] == name)


@pytest.mark.parametrize(
    ('change', 'seen'),
    [
        (lambda c: of_class(c, 'InputLayer')['config'].update(alpha=0.5), 'alpha 0.5'),
        (lambda c: of_class(c, 'ScalarMultiply')['config'].update(scalar=0.7), 'multiplies by 0.7'),
        (lambda c: of_class(c, 'Dense')['config'].update(activation='silu'), "activation 'silu'"),
        (
            lambda c: c.append(
                {
                    'class_name': 'TFOpLambda',
                    'name': 'tf.nn.gelu',
                    'config': {'function': 'nn.gelu', 'arguments': [{'approximate': True}]},
                }
            ),
            'approximates gelu',
        ),
    ],
)
def test_other_constants_in_the_config_are_refused(tmp_path, change, seen):
    keras_case.write_archive(
        tmp_path / 'm.keras', TINY, PARTS, change=lambda layers, _: change(layers)
    )
    with pytest.raises(WeightsError, match=seen):
        weights.read(TINY, tmp_path / 'm.keras')


def test_another_model_is_named(tmp_path):
    layers = [{'class_name': 'Conv2D', 'name': 'audio_embedding_layer', 'config': {}}]
    keras_writer.write_archive(
        tmp_path / 'm.keras', layers, {'layers/audio_embedding_layer/vars/0': np.zeros(2)}
    )
    with pytest.raises(WeightsError, match='It looks like OpenL3'):
        weights.read(TINY, tmp_path)


def test_every_drop_has_a_reason():
    assert all(len(reason) > 10 for reason in weights.DROPPED.values())


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(TINY, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one['slow.0.0.time/kernel'] != other['slow.0.0.time/kernel']).any()
    assert one['slow.0.0.gain/scale'] == 1
