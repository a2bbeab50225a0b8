"""Frame tasks end to end: planted beats and sections in noise, through store, bank and decoding."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jaxprobe import plan
from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.encoders import base as encoders
from jaxprobe.features.reader import RowReader
from jaxprobe.features.spec import StoreSpec
from jaxprobe.metrics import beats
from jaxprobe.stages import frame_probe, pipeline
from jaxprobe.tasks import audit, defaults, frame_targets, registry
from jaxprobe.tasks.base import Beats, Item, Kind, Segments, Task

COMPUTES = True  # Frames by the thousand: quick compilation would cost more than it saves.
SYNTH = registry.build('synth_key')
RATE = 16000
SECONDS = 8.0
SIZES = {'train': 16, 'valid': 5, 'test': 6}


def beat_item(folder, name, split, state):
    """Clicks at a steady tempo; every fourth is low and loud."""
    wave = 0.003 * state.standard_normal(round(SECONDS * RATE))
    times = np.arange(state.uniform(0.1, 0.5), SECONDS - 0.1, 60 / state.uniform(90, 150))
    click = np.sin(2 * np.pi * 2000 * np.arange(800) / RATE) * np.exp(-np.arange(800) / 150)
    low = np.sin(2 * np.pi * 300 * np.arange(1600) / RATE) * np.exp(-np.arange(1600) / 400)
    for i, time in enumerate(times):
        sound = low if i % 4 == 0 else 0.5 * click
        begin = round(time * RATE)
        wave[begin : begin + len(sound)] += sound[: len(wave) - begin]
    path = folder / f'{name}.wav'
    soundfile.write(path, wave.astype(np.float32), RATE)
    return Item(name, path, split, Beats(tuple(times.tolist()), tuple(times[::4].tolist())))


def section_item(folder, name, split, state):
    """Stretches of two tones; the second stretch of some items has no label."""
    wave, starts, labels, at = [], [], [], 0.0
    while at < SECONDS:
        length = min(state.uniform(1.0, 3.0), SECONDS - at)
        label = int(state.randint(2))
        time = np.arange(round(length * RATE)) / RATE
        wave.append(0.2 * np.sin(2 * np.pi * (300, 2500)[label] * time))
        starts.append(at)
        labels.append(-1 if len(starts) == 2 else label)
        at += length
    wave = np.concatenate(wave) + 0.01 * state.standard_normal(sum(map(len, wave)))
    path = folder / f'{name}.wav'
    soundfile.write(path, wave.astype(np.float32), RATE)
    return Item(name, path, split, Segments(tuple(starts), tuple(labels), at))


def task_of(kind, folder):
    """A task of planted items in `folder`."""
    make = beat_item if kind is Kind.BEATS else section_item
    state = np.random.RandomState(0)
    folder.mkdir(exist_ok=True)
    items = [
        make(folder, f'{split}{i}', split, state) for split, n in SIZES.items() for i in range(n)
    ]
    labels = ('beat', 'downbeat') if kind is Kind.BEATS else ('low', 'high')
    protocol = defaults.protocol(kind, 2.0)
    return Task(
        name='planted',
        kind=kind,
        labels=labels,
        metrics=defaults.metrics(kind, labels),
        card=dataclasses.replace(SYNTH.card, name='planted', items=SIZES),
        protocol=dataclasses.replace(protocol, epochs=12, batch_items=8, frame_rate=50.0),
        prepare=lambda data_dir: audit.survey(items, kind, labels),
        items=lambda data_dir: items,
    )


def run(kind, tmp_path, monkeypatch, study=(), **probe):
    task = task_of(kind, tmp_path / 'audio')
    monkeypatch.setattr(registry, 'build', lambda *asked: task)
    c = config.base()
    c.encoder = config.encoder('fbank_chroma')
    c.tasks = dict(planted={})
    c.probe.learning_rates = (1e-3, 5e-3)
    c.analyse.resamples = 50
    for name, value in probe.items():
        c.probe[name] = value
    c.study.update(dict(study))
    workdir = tmp_path / 'run'
    found = plan.resolve(c, workdir)
    cost = pipeline.Cost(workdir)
    for stage in pipeline.STAGES.values():
        stage(found, workdir, cost)
    return json.loads((workdir / 'results' / 'fbank_chroma' / 'planted.json').read_text())


def test_planted_beats_are_found(tmp_path, monkeypatch):
    result = run(Kind.BEATS, tmp_path, monkeypatch)
    assert result['main_score']['metric'] == 'beat_f'
    assert result['selected']['by'] == 'valid/beat_f'
    assert result['main_score']['value'] > 0.9
    assert result['metrics']['downbeat_f']['value'] > 0.7
    assert result['main_score']['value'] > result['best_constant']['beat_f'] + 0.2
    assert not list((tmp_path / 'run').rglob('*.tmp'))


def test_planted_sections_are_found(tmp_path, monkeypatch):
    study = {'shuffled': True, 'fractions': (0.25,), 'contexts': (4.0,)}
    result = run(Kind.FRAMES, tmp_path, monkeypatch, study, learning_rates=(5e-3,))
    assert result['main_score']['metric'] == 'frame_accuracy'
    assert result['main_score']['value'] > 0.9
    assert result['metrics']['boundary_f_0.5s']['value'] > 0.5
    assert result['majority_class'] in ('low', 'high')
    # Windows with each other's labels teach nothing; a quarter of the songs teaches the tones.
    best = next(
        row
        for row in result['controls']['shuffled']['rows']
        if row['source'] == result['selected']['source']
    )
    assert best['selectivity'] > 0.25
    assert best['selectivity_ci95'][0] > 0
    assert result['label_efficiency']['n_items'] == [4, 16]
    few = {row['source']: row['test'][0] for row in result['label_efficiency']['rows']}
    assert few[result['selected']['source']] > 0.85
    assert 'contexts' not in result


def test_what_decoding_cannot_afford_is_said(tmp_path, monkeypatch):
    result = run(Kind.BEATS, tmp_path, monkeypatch, epochs=2, decode_budget=1.0)
    assert 'decode_budget' in result['decoded']
    scored = np.isfinite(np.array(result['rates']['test'], float)).sum(axis=1)
    assert scored.tolist() == [1] * len(scored)


class Windows(RowReader):
    """What a store says of items of one window of ten frames at ten a second."""

    def __init__(self, padded, seconds):
        self.spec = StoreSpec(
            encoder='e',
            weights_sha256='',
            port_version=1,
            layers=(('a', 4),),
            sample_rate=100,
            window_samples=100,
            hop_samples=100,
            frames=10,
            batch_windows=1,
        )
        self.padded, self.seconds = np.array(padded), np.array(seconds)
        self.rows = len(seconds)
        self.first, self.count = np.arange(self.rows), np.ones(self.rows, int)

    def starts(self):
        return np.zeros(self.rows)


@pytest.mark.parametrize('kind', [Kind.BEATS, Kind.FRAMES])
def test_what_repeats_a_short_item_is_neither_trained_on_nor_scored(kind):
    target = Beats((0.1, 0.3), (0.1,))
    if kind is Kind.FRAMES:
        target = Segments((0.0, 0.2), (0, 1), 1e9)
    items = [Item(name, Path(name), 'test', target) for name in ('short', 'whole')]
    windows = Windows([1, 0], [0.4, 1.0])
    part = frame_probe._part(task_of_kind(kind), items, windows, widen=False)
    assert part.counts.tolist() == [True] * 4 + [False] * 6 + [True] * 10
    assert part.seconds.tolist() == [0.4, 1.0]
    lost = np.isnan if kind is Kind.BEATS else lambda targets: targets == frame_targets.NONE
    assert (lost(part.split.targets).reshape(20, -1).all(axis=1) == ~part.counts).all()
    (references,) = {len(row) for row in frame_probe._references(task_of_kind(kind), part)}
    assert references


def test_an_oracle_of_short_items_is_right():
    """Eight beats in 4 s; the window of 5 s repeats two of them (F was 16 / 19)."""
    item = Item('a', Path('a.wav'), 'test', Beats(tuple(np.arange(8) / 2), (0.0, 2.0)))
    windows = Windows([1], [4.0])
    windows.spec = dataclasses.replace(windows.spec, window_samples=500, frames=125)
    task = task_of_kind(Kind.BEATS)
    part = frame_probe._part(task, [item], windows, widen=False)
    frames = np.zeros((1, 125, 2), np.float32)
    frames[:, np.round(np.arange(10) * 12.5).astype(int), 0] = 1.0
    frames[:, [0, 50, 100], 1] = 1.0
    found = frame_probe._statistics(task, part, 20 * frames - 10, np.ones(1, bool))
    assert beats.evaluate(frame_probe._references(task, part), found[0])['beat_f'] == 1.0


def test_an_annotation_of_other_audio_is_refused_before_training():
    task = task_of_kind(Kind.FRAMES)
    item = Item('a', Path('a.wav'), 'test', Segments((5.0,), (0,), 6.0))
    with pytest.raises(DataError, match=r'no frame of a \(a\.wav\) has a label: it lasts 1\.00 s'):
        frame_probe._part(task, [item], Windows([0], [1.0]), widen=False)


def task_of_kind(kind):
    return registry.build('synth_beats' if kind is Kind.BEATS else 'synth_structure')


def test_clip_level_layers_are_left_out():
    encoder = encoders.load('musicnn_msd', weights='random', arch='tiny')
    task = dataclasses.replace(registry.build('synth_key'), kind=Kind.FRAMES)
    names = [layer.name for layer in frame_probe.encoder_of(encoder, task).card.layers]
    assert names == ['front', 'cnn1', 'cnn2', 'cnn3']
    assert frame_probe.encoder_of(encoder, registry.build('synth_key')) is encoder


def test_an_encoder_without_frames_is_refused():
    encoder = encoders.load('musicnn_msd', weights='random', arch='tiny')
    layers = tuple(dataclasses.replace(x, frames=False) for x in encoder.card.layers)
    encoder = encoder._replace(card=dataclasses.replace(encoder.card, layers=layers, mix=()))
    task = dataclasses.replace(registry.build('synth_key'), kind=Kind.BEATS)
    with pytest.raises(ConfigError, match='clip-level layers only'):
        frame_probe.encoder_of(encoder, task)
