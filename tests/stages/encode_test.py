import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.audio.loader import Loaded
from jaxprobe.stages import encode
from jaxprobe.stages.encode import Encoding, Row
from tests.features import store_case

SPEC = store_case.spec(window_samples=800, hop_samples=800, batch_windows=3)


def _loaded(*starts, length=2400, padded=False):
    samples = np.arange(length, dtype=np.float32)
    return Loaded(samples, np.array(starts), padded, np.zeros(len(starts), bool))


def test_batches_fill_up_across_clips_and_the_last_with_zeros():
    clips = [(0, _loaded(0, 800)), (3, _loaded(100)), (4, _loaded(0, 800, 1600, padded=True))]
    made = list(encode.batches(clips, SPEC))
    assert [wave.shape for wave, _ in made] == [(3, 800)] * 2
    assert made[0][1] == [Row(0, 0, 0, False), Row(0, 1, 800, False), Row(3, 0, 100, False)]
    assert made[1][1] == [Row(4, 0, 0, True), Row(4, 1, 800, True), Row(4, 2, 1600, True)]
    assert made[0][0][:, 0].tolist() == [0, 800, 100]
    ((wave, rows),) = encode.batches([(0, _loaded(0, 800))], SPEC)
    assert len(rows) == 2
    assert not wave[2].any()
    assert list(encode.batches([], SPEC)) == []


def test_batches_hand_a_window_over_with_its_lead():
    spec = store_case.spec(window_samples=800, hop_samples=800, lead_samples=50, batch_windows=2)
    ((wave, rows),) = encode.batches([(0, _loaded(0, 800, length=1650))], spec)
    assert wave.shape == (2, 850)
    assert wave[:, [0, -1]].tolist() == [[0, 849], [800, 1649]]
    assert rows == [Row(0, 0, 0, False), Row(0, 1, 800, False)]


def test_a_batch_is_not_written_to_after_it_was_handed_over():
    made = [wave for wave, _ in encode.batches([(0, _loaded(*range(0, 1600, 100)))], SPEC)]
    assert len({id(wave) for wave in made}) == len(made)
    assert made[0][:, 0].tolist() == [0, 100, 200]


def test_an_accelerator_has_a_tenth_of_a_second_of_work():
    minute = {'window_samples': 10 * store_case.RATE, 'batch_windows': 6}
    assert encode.in_flight(store_case.spec(**minute), 'cpu') == encode.IN_FLIGHT
    assert encode.in_flight(store_case.spec(**minute), 'gpu') == 17
    assert encode.in_flight(store_case.spec(**minute, frames=250), 'gpu') == encode.IN_FLIGHT
    hours = {'window_samples': 3600 * store_case.RATE, 'batch_windows': 2}
    assert encode.in_flight(store_case.spec(**hours), 'tpu') == encode.IN_FLIGHT


def test_arrays_are_used_again_once_their_batch_is_finished():
    """No batch in flight shares its array with another, and there are no more arrays than that."""
    spec = store_case.spec(batch_windows=2)
    encoding = Encoding(store_case.encoder(), spec, jax.local_devices()[:2])
    flight, seen, out = [], set(), []
    for i in range(12):
        wave = encoding.blank()
        assert all(wave is not other for other in flight)
        wave[:] = i / 10
        flight.append(wave)
        seen.add(id(wave))
        for finished in encoding.start(wave, [Row(i, 0, 0, False)]):
            out.append(finished)
            flight.pop(0)
    out += list(encoding.drain())
    assert len(seen) <= encoding.depth + 1
    np.testing.assert_allclose([f.groups[8][0, 0, 0] for f in out], np.arange(12) / 10, rtol=1e-5)


def _states(params, wave):
    del params
    frames = wave.reshape(wave.shape[0], 4, -1)
    return jnp.stack([frames[..., :8], frames[..., 8:16]], axis=1)


def test_pooling_is_the_float32_mean_over_time():
    spec = store_case.spec(layers=(('a', 8), ('b', 8)), window_samples=800)
    wave = np.random.default_rng(0).standard_normal((4, 800)).astype(np.float32)
    groups, finite = jax.jit(encode.pooling(_states, spec))({}, jnp.asarray(wave))
    expected = np.asarray(_states({}, wave)).mean(axis=2)
    np.testing.assert_allclose(groups[8], expected, rtol=1e-6, atol=1e-7)
    assert finite.all()


def test_pooling_of_bfloat16_states_sums_in_float32():
    """1 + 1/256 is lost in every bfloat16 partial sum."""
    spec = store_case.spec(layers=(('a', 4),))

    def states(params, wave):
        return (jnp.tile(wave[:, :1024, None], (1, 1, 4)).astype(jnp.bfloat16),)

    wave = np.ones((4, 1024), np.float32)
    wave[:, ::2] = 1 + 2**-7
    groups, _ = jax.jit(encode.pooling(states, spec))({}, jnp.asarray(wave))
    np.testing.assert_allclose(groups[4], 1 + 2**-8, rtol=1e-6)


def test_pooling_groups_layers_by_width_and_flags_nan():
    def states(params, wave):
        return wave[:, None, :8], wave[:, None, :4], wave[:, None, 8:16]

    spec = store_case.spec(layers=(('a', 8), ('b', 4), ('c', 8)), store_dtype='bfloat16')
    wave = np.zeros((4, 800), np.float32)
    wave[1, 9] = np.nan
    wave[3, 2] = np.inf
    groups, finite = jax.jit(encode.pooling(states, spec))({}, jnp.asarray(wave))
    assert {d: g.shape for d, g in groups.items()} == {8: (4, 2, 8), 4: (4, 1, 4)}
    assert groups[8].dtype == jnp.bfloat16
    assert finite.tolist() == [True, False, True, False]


@pytest.mark.parametrize('devices', [1, 2])
def test_the_flight_is_bounded_and_ordered(devices):
    spec = store_case.spec(batch_windows=2)
    encoding = Encoding(store_case.encoder(), spec, jax.local_devices()[:devices])
    assert encoding.depth == encode.IN_FLIGHT * devices
    out = []
    for i in range(9):
        wave = np.full((2, store_case.WINDOW), i / 10, np.float32)
        out += list(encoding.start(wave, [Row(i, 0, 0, False)]))
        assert i + 1 - len(out) <= encoding.depth
    out += list(encoding.drain())
    assert [finished.rows[0].clip for finished in out] == list(range(9))
    np.testing.assert_allclose([f.groups[8][0, 0, 0] for f in out], np.arange(9) / 10, rtol=1e-5)


def test_one_program_per_device_whatever_the_number_of_batches():
    traced = []
    plain = store_case.encoder()

    def counted(params, wave):
        traced.append(wave.shape)
        return plain.encode(params, wave)

    encoding = Encoding(plain._replace(encode=counted), store_case.spec(), jax.local_devices()[:2])
    for _ in range(6):
        list(encoding.start(np.zeros((4, store_case.WINDOW), np.float32), []))
    list(encoding.drain())
    assert traced == [(4, store_case.WINDOW)]


@pytest.mark.parametrize('got', [4, 5, 10, 12, 13, 23])
def test_frames_at_another_rate(got):
    """More are averaged over the time they cover, fewer stand for it; one or two are repeated."""
    states = np.random.RandomState(0).standard_normal((2, got, 3)).astype(np.float32)
    found = np.asarray(encode.at_rate(jnp.asarray(states), 12))
    assert found.shape == (2, 12, 3)
    edges = np.arange(13) * got / 12
    for f in range(12):
        if got == 10:
            expected = states[:, min(f, 9)]
        elif got < 12:
            expected = states[:, f * got // 12]
        else:
            expected = states[:, int(edges[f]) : int(edges[f + 1])].mean(axis=1)
        np.testing.assert_allclose(found[:, f], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('frames', [0, 2, 4, 8])
def test_an_encoder_on_the_host_pools_alike(frames):
    """As the compiled path does, means and frames."""
    spec = store_case.spec(layers=(('a', 8), ('b', 8)), window_samples=800, frames=frames)
    wave = np.random.default_rng(0).standard_normal((4, 800)).astype(np.float32)

    def on_host(params, wave):
        return tuple(np.moveaxis(np.asarray(_states(params, jnp.asarray(wave))), 1, 0))

    compiled, finite = jax.jit(encode.pooling(_states, spec))({}, jnp.asarray(wave))
    groups, found = encode.host_pooling(on_host, spec)({}, wave)
    assert groups[8].shape == compiled[8].shape == (4, *spec.shape(8))
    np.testing.assert_allclose(groups[8], compiled[8], rtol=1e-5, atol=1e-6)
    assert found.tolist() == np.asarray(finite).tolist()
