"""Every check of the contract has an encoder that breaks it, and it alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.base import Card, Encoder, Layer, WeightsRef
from jaxprobe.encoders.contract import contract, layers_of, run_exactly, signals
from jaxprobe.encoders.options import Preset

CARD = Card(
    name='mock',
    title='Mock',
    sample_rate=1000,
    layers=(Layer('low', 4), Layer('high', 4)),
    mix=(1,),
    frame_rate=10.0,
    receptive_field=0.1,
    window_seconds=3.0,
    window_samples=3000,
    min_samples=200,
    short='repeat',
    weights=WeightsRef(kind='none'),
    code_licence='x',
    weights_licence='x',
    training_data='none',
    citation='',
    homepage='',
    gflop_per_second=0.0,
    build='nowhere:build',
)


def states(params, wave):
    """Two layers of four features per tenth of a second."""
    framed = wave[:, : wave.shape[1] // 100 * 100].reshape(wave.shape[0], -1, 4, 25)
    low = jnp.abs(framed).mean(-1) * params['scale']
    return jnp.stack([low, jnp.tanh(low)], axis=1)


def mock(encode=states, **changes):
    card = dataclasses.replace(CARD, **changes)
    return Encoder(card, {'scale': jnp.float32(2.0)}, encode, 'none')


def failed(encoder):
    return [finding.check for finding in contract(encoder) if not finding.ok]


def test_a_good_encoder_passes_every_check():
    findings = contract(mock())
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) == 11


def test_a_tuple_of_layers_is_as_good_as_one_array():
    assert failed(mock(lambda p, w: tuple(states(p, w).swapaxes(0, 1)))) == []


@pytest.mark.parametrize(
    ('changes', 'detail'),
    [
        ({'layers': (Layer('low', 4), Layer('low', 4))}, 'stands twice'),
        ({'mix': (2,)}, 'not there'),
        ({'short': 'pad'}, "short='pad'"),
        ({'window_seconds': 2.5}, 'differ'),
        ({'min_samples': 4000}, 'exceeds'),
        ({'lead_samples': -1}, 'negative'),
        ({'presets': (Preset(name='p', what='', tail='pad'),)}, 'zero_pad=False'),
        ({'weights_licence': ''}, 'licence'),
    ],
)
def test_card(changes, detail):
    finding = contract(mock(**changes))[0]
    assert not finding.ok
    assert detail in finding.detail


def test_card_mix_needs_equal_widths():
    card = dataclasses.replace(CARD, layers=(Layer('low', 4), Layer('high', 5)), mix=(0, 1))
    assert 'different width' in contract(mock()._replace(card=card))[0].detail


def test_params():
    encoder = mock()._replace(params={'scale': 2.0})
    assert failed(encoder) == ['params']


def test_traces():
    finding = contract(mock(lambda p, w: 1 / 0))[-1]
    assert (finding.check, finding.ok) == ('traces', False)
    assert 'ZeroDivisionError' in finding.detail


@pytest.mark.parametrize(
    'encode',
    [
        lambda p, w: states(p, w)[:, :1],
        lambda p, w: states(p, w)[..., :3],
        lambda p, w: states(p, w)[:, :, 0],
        lambda p, w: states(p, w).astype(jnp.bfloat16),
        lambda p, w: (states(p, w)[:, 0], states(p, w)[:, 1].mean(1)),
    ],
)
def test_shapes(encode):
    assert 'shapes' in failed(mock(encode))


def test_shapes_a_clip_level_layer_has_one_frame():
    layers = (Layer('low', 4), Layer('high', 4, frames=False))
    assert failed(mock(layers=layers)) == ['shapes']
    pooled = mock(lambda p, w: (states(p, w)[:, 0], states(p, w)[:, 1].mean(1, keepdims=True)))
    assert failed(pooled._replace(card=dataclasses.replace(CARD, layers=layers))) == []


def test_frame_rate():
    assert failed(mock(frame_rate=12.5)) == ['frame rate']


def test_finite():
    def divides(params, wave):
        out = states(params, wave)
        return out / out.mean((1, 2, 3), keepdims=True)  # Silence has a mean of zero.

    assert 'finite' in failed(mock(divides))


def test_rows_independent():
    def batch_normalised(params, wave):
        out = states(params, wave)
        return out - out.mean(0, keepdims=True)

    assert 'rows independent' in failed(mock(batch_normalised))


def test_rows_independent_of_their_place():
    def numbered(params, wave):
        row = jnp.arange(wave.shape[0], dtype=jnp.float32)[:, None, None, None]
        return states(params, wave) + 0.01 * row

    assert failed(mock(numbered)) == ['rows independent']


def test_batch_size():
    def counted(params, wave):
        return states(params, wave) * (1 + 0.01 * (wave.shape[0] == 3))

    assert failed(mock(counted)) == ['batch size']

    def alone(params, wave):
        return states(params, wave) * (1 + 0.01 * (wave.shape[0] == 1))

    assert failed(mock(alone)) == ['batch size']


def test_zeros_after_the_audio():
    assert failed(mock(zero_pad=True)) == []

    def normalised(params, wave):
        return states(params, wave / (wave.std(axis=1, keepdims=True) + 1e-3))

    assert failed(mock(normalised)) == []  # Zeros never follow the audio.
    assert failed(mock(normalised, zero_pad=True)) == ['zeros after']
    seen = contract(mock(normalised, zero_pad=True, receptive_field=3.0))
    assert [f.detail for f in seen if f.check == 'zeros after'] == [
        'every frame hears the whole window'
    ]


def test_an_encoder_on_the_host_is_held_to_the_same():
    def host(params, wave):
        assert isinstance(wave, np.ndarray)
        return tuple(np.asarray(state) for state in states(params, wave).swapaxes(0, 1))

    assert failed(mock(host)._replace(host=True)) == []
    deaf = mock(lambda p, w: tuple(0 * state for state in host(p, w)))._replace(host=True)
    assert failed(deaf) == ['responds']


def test_one_sample_later():
    def phase(params, wave):
        parity = jnp.where(jnp.arange(wave.shape[1]) % 2 == 0, 1.0, 0.0)
        return states(params, wave * parity[None]) + 9 * states(params, wave[:, :1] * wave)

    assert 'one sample later' in failed(mock(phase))


def test_responds():
    assert failed(mock(lambda p, w: 0 * states(p, w) + 1)) == ['responds']


def test_repeatable():
    counter = iter(range(100))

    def changing(params, wave):
        count = jax.pure_callback(
            lambda: np.float32(next(counter)), jax.ShapeDtypeStruct((), jnp.float32)
        )
        return states(params, wave) + count

    assert 'repeatable' in failed(mock(changing))


def test_shortest_input():
    assert failed(mock(min_samples=50)) == ['shortest input']
    assert failed(mock(min_samples=50, fixed_window=True)) == []  # It is never asked for one.


def test_a_lead_comes_with_the_window_and_makes_no_frames():
    def led(params, wave):
        return states(params, wave[:, 600:])

    assert failed(mock(led, lead_samples=600)) == []
    assert failed(mock(lead_samples=600)) == ['frame rate']


def test_signals_are_music_it_shifted_noise_and_silence():
    chord, later, noise, silence = signals(500, 1000)
    np.testing.assert_array_equal(later[1:], chord[:-1])
    assert (silence == 0).all()
    assert 0.2 < noise.std() < 0.4


def test_layers_of_splits_either_form():
    array = jnp.arange(24.0).reshape(2, 3, 2, 2)
    for layer, wanted in zip(layers_of(array), array.swapaxes(0, 1), strict=True):
        np.testing.assert_array_equal(layer, wanted)
    assert layers_of((1, 2)) == (1, 2)
    shapes = layers_of(jax.eval_shape(lambda: array))
    assert [shape.shape for shape in shapes] == [(2, 2, 2)] * 3


def test_run_exactly_brings_the_layers_to_the_host():
    outputs = run_exactly(states, {'scale': jnp.float32(1.0)}, signals(400, 1000))
    assert [type(output) for output in outputs] == [np.ndarray] * 2
