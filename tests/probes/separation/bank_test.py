"""Bank equals solo for the mask head: many models trained at once, each as if alone."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes.separation import bank, spectra
from tests.probes.separation import made

SAME = ('best_epoch', 'epochs_run', 'best_monitor', 'valid_logits', 'test_logits', 'mix_weights')


def trained(spec, data, head=made.HEAD, **options):
    setup = bank.set_up(spec, head, made.SIZES, made.WIDTHS, data)
    return bank.train(setup, **options)


def fixed(**changes):
    """The sources that read one layer: chunks of 4 or 8 models, compiled once for all tests."""
    return made.spec(sources=made.spec().sources[:2], **changes)


@pytest.fixture(scope='module')
def grid():
    data, parts = made.data()
    return data, parts, trained(fixed(), data)[0]


def part_of(part, source, target):
    """A split as the reference takes it: what one source reads, and magnitudes of one target."""
    layers = {'0': (5, [0]), '2': (3, [0]), 'mix': (5, [0, 1])}[source]
    x = part.groups[layers[0]][:, :, layers[1]]
    x = x[:, np.arange(made.FRAMES) * made.STORED // made.FRAMES]
    found = np.abs(spectra.analyse(made.SIZES, jnp.asarray(part.waves)))
    x = x if len(layers[1]) > 1 else x[:, :, 0]
    return x, found[:, 0], found[:, 1 + target], part.counts


def solo(spec, parts, source, target, seed, rate, head=made.HEAD):
    from tests.probes.separation import reference

    train, valid = (part_of(part, source, target) for part in parts[:2])
    mixed = 2 if source == 'mix' else 0
    return reference.fit(spec, head, train, valid, seed, rate, mixed)


def test_one_step_equals_solo():
    pytest.importorskip('torch')
    data, parts = made.data(train=(3,))
    spec = fixed(learning_rates=(1e-3,), seeds=1, epochs=1)
    result = trained(spec, data)[0]
    for p, source in enumerate(result.source):
        alone = [solo(spec, parts, source, k, 0, 1e-3)[0][0] for k in range(2)]
        assert result.best_monitor[p] == pytest.approx(np.mean(alone), abs=1e-5), source


def test_a_mix_and_two_directions_equal_solo():
    pytest.importorskip('torch')
    data, parts = made.data()
    head = made.HEAD._replace(bidirectional=True, lstm_layers=1)
    spec = made.spec(sources=made.spec().sources[2:], learning_rates=(1e-3,), seeds=1, epochs=2)
    result, models = trained(spec, data, head)
    runs = [solo(spec, parts, 'mix', k, 0, 1e-3, head) for k in range(2)]
    alone = np.mean([min(monitors) for monitors, _ in runs])
    assert result.best_monitor[0] == pytest.approx(alone, abs=1e-5)
    for k, (_, module) in enumerate(runs):
        weights = module.mix.detach().softmax(0)
        np.testing.assert_allclose(models.mix[0, k, :2], weights, atol=1e-5)
    assert np.isnan(result.mix_weights[0, 2])


def test_a_short_run_equals_solo(grid):
    """Every cell: the same best epoch, and the monitor it reached."""
    pytest.importorskip('torch')
    _, parts, result = grid
    for p, (source, rate, seed) in enumerate(
        zip(result.source, result.learning_rate, result.seed, strict=True)
    ):
        alone = [solo(made.spec(), parts, source, k, int(seed), float(rate))[0] for k in range(2)]
        assert result.best_epoch[p] == max(int(np.argmin(m)) for m in alone)
        best = np.mean([min(monitors) for monitors in alone])
        assert result.best_monitor[p] == pytest.approx(best, rel=1e-4), (source, rate, seed)


def test_songs_are_scored_as_torch_would(grid):
    """One model's masks, Open-Unmix's filter for one channel, torch's inverse transform."""
    torch = pytest.importorskip('torch')
    _, parts, result = grid
    _, module = solo(made.spec(), parts, '0', 1, 0, 1e-3)
    groups, waves = parts[2].songs[0]
    x = groups[5][:, np.arange(made.FRAMES) * made.STORED // made.FRAMES][:, :, 0]
    options = {
        'n_fft': made.SIZES.n_fft,
        'hop_length': made.SIZES.hop,
        'window': torch.hann_window(made.SIZES.n_fft),
    }
    mixture = torch.stft(torch.tensor(waves[0]), return_complex=True, **options).T
    with torch.no_grad():
        mask = module(torch.tensor(x)).reshape(-1, made.SIZES.bins)
    mask = torch.cat([mask, mask[-1:]])  # The last frame is centred on the end.
    scale = max(1.0, float(mixture.abs().max()) / 10)
    two = torch.stack([mask, 1 - mask]) * (mixture.abs() / scale)
    energy = two**2 * (two**2).sum(1, keepdim=True) / ((two**2).sum(1, keepdim=True) + 1e-10)
    gain = energy[0] / (energy.sum(0) + 1e-5)
    estimate = torch.istft((mixture * gain).T, length=waves.shape[1], **options)
    wrong = float(((torch.tensor(waves[2]) - estimate) ** 2).sum())
    assert result.test_logits[0, 0, 3] == pytest.approx(wrong, rel=1e-4)
    assert result.test_logits[0, 0, 1] == pytest.approx((waves[2] ** 2).sum(), rel=1e-6)


def check_same(all_cells, some, chosen):
    for name in SAME:
        left, right = getattr(all_cells, name)[chosen], getattr(some, name)
        np.testing.assert_allclose(left, right, atol=1e-5, rtol=1e-4, err_msg=name)


def test_models_at_once_change_nothing(grid):
    """Four models at once beside eight."""
    data, _, held = grid
    found = trained(fixed(), data, max_cells=2)[0]
    check_same(held, found, slice(None))


def test_stopped_models_leave_and_a_wild_one_disturbs_no_other(grid):
    data, _, calm = grid
    found = trained(fixed(learning_rates=(1e-3, 1e30), seeds=1), data)[0]
    wild = found.learning_rate > 1
    assert found.diverged.tolist() == wild.tolist()
    assert (found.best_epoch[wild] == -1).all()
    assert np.isnan(found.best_monitor[wild]).all()
    assert (found.epochs_run == np.where(wild, 1, 3)).all()
    tame = found._replace(**{name: getattr(found, name)[~wild] for name in SAME})
    check_same(calm, tame, (calm.learning_rate == 1e-3) & (calm.seed == 0))


def test_learning_shows(grid):
    """Whose turn it is can be read off: the trained masks beat the mixture."""
    data, parts, _ = grid
    spec = fixed(learning_rates=(1e-2,), seeds=1, epochs=30, stop_patience=30)
    wrong = trained(spec, data)[0].test_logits[1, :, 2:]
    mixture = np.stack([((w[1:] - w[:1]) ** 2).sum(axis=1) for _, w in parts[2].songs])
    assert wrong.sum() < 0.7 * mixture.sum()


def test_progress_and_refusals(grid):
    data, _, _ = grid
    events = []
    spec = fixed(learning_rates=(1e-3,), seeds=1, epochs=2)
    trained(spec, data, progress=events.append)
    assert [(e.epoch, e.alive, e.cells) for e in events] == [(0, 2, 2), (1, 0, 2)]
    events.clear()
    trained(fixed(learning_rates=(1e-3,), seeds=2, epochs=2), data, progress=events.append)
    assert [(e.wave, e.waves) for e in events] == [(0, 2), (0, 2), (1, 2), (1, 2)]
    assert events[1].seconds_left == pytest.approx(2 / events[1].epochs_per_second)
    assert events[-1].seconds_left == 0
    assert bank.prove(bank.set_up(spec, made.HEAD, made.SIZES, made.WIDTHS, data), 0).models == 4
    with pytest.raises(ConfigError, match='monitor'):
        bank.set_up(
            dataclasses.replace(spec, monitor='sdr'), made.HEAD, made.SIZES, made.WIDTHS, data
        )
