import dataclasses
import json

import pytest

from jaxprobe import plan
from jaxprobe.core import config, fs
from jaxprobe.core.errors import ConfigError, DataError, StoreError, WeightsError
from jaxprobe.encoders import base as encoders
from jaxprobe.encoders.base import Layer
from jaxprobe.encoders.options import Option, Preset


def smoke(**changes):
    c = config.base()
    c.encoder = config.encoder('fbank_chroma')
    config.shrink(c)
    for name, value in changes.items():
        c[name] = value
    return c


def deep(widths=(8, 8, 8, 8), mix=(1, 2, 3)):
    layers = tuple(Layer(f'layer_{i}', w) for i, w in enumerate(widths))
    return dataclasses.replace(encoders.card('fbank_chroma'), layers=layers, mix=mix)


def test_resolve_makes_objects_of_names(tmp_path):
    found = plan.resolve(smoke(), tmp_path / 'run')
    assert [e.label for e in found.encoders] == ['fbank_chroma']
    assert [t.name for t in found.tasks] == ['synth_instrument']
    assert found.store_dir == tmp_path / 'stores'


def test_unknown_encoder_and_task(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'fbank_chroma'"):
        plan.resolve(smoke(encoder=config.encoder('fbank_chrom')), tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'synth_pitch'"):
        plan.resolve(smoke(tasks={'synth_pich': {}}), tmp_path)


def test_two_encoders_of_one_label(tmp_path):
    c = smoke()
    c.beside.fbank_chroma = config.encoder('fbank_chroma')
    assert len(plan.resolve(c, tmp_path).encoders) == 1  # The same one is not probed twice.
    c.beside.fbank_chroma = config.encoder('toy_conformer')
    with pytest.raises(ConfigError, match='two of one label'):
        plan.resolve(c, tmp_path)


def test_a_dotted_path_is_labelled_by_its_card(tmp_path):
    c = smoke(encoder=config.encoder('jaxprobe.encoders.fbank_chroma.card:CARD'))
    (found,) = plan.resolve(c, tmp_path).encoders
    assert found.label == 'fbank_chroma'
    assert found.load(0).card.name == 'fbank_chroma'


def test_no_task_at_all(tmp_path):
    with pytest.raises(ConfigError, match=r'--config.manifest=labels.csv'):
        plan.resolve(smoke(tasks={}), tmp_path)


def test_bad_values_are_collected(tmp_path):
    c = smoke()
    c.extract.on_error, c.probe.seeds, c.probe.learning_rates = 'ignore', 0, (1e-3, 1e-3)
    with pytest.raises(ConfigError) as error:
        plan.resolve(c, tmp_path)
    for part in ('extract.on_error', 'probe.seeds=0', 'probe.learning_rates'):
        assert part in str(error.value)


def test_pin_refuses_another_plan_and_names_what_changed(tmp_path):
    plan.pin(plan.resolve(smoke(), tmp_path), tmp_path)
    plan.pin(plan.resolve(smoke(), tmp_path), tmp_path)  # The same again is a restart.
    with pytest.raises(ConfigError, match='seed: was 0, is 1'):
        plan.pin(plan.resolve(smoke(seed=1), tmp_path), tmp_path)


def test_pin_ignores_what_changes_no_number(tmp_path):
    plan.pin(plan.resolve(smoke(), tmp_path), tmp_path)
    c = smoke(data_dir=str(tmp_path))
    c.extract.threads = 3
    plan.pin(plan.resolve(c, tmp_path), tmp_path)
    assert plan.resolve(c, tmp_path).config_sha256 == plan.resolve(smoke(), tmp_path).config_sha256


def test_all_sources_are_layers_and_mix():
    names = [s.name for s in plan.sources(deep(), 'all')]
    assert names == ['layer_0', 'layer_1', 'layer_2', 'layer_3', 'mix']
    assert plan.sources(deep(), 'all')[-1].layers == (1, 2, 3)
    assert plan.sources(deep(), 'all')[-1].learned


def test_named_sources_means_and_mix13():
    found = plan.sources(deep(), 'layer_2, 3, 0-3, mix13')
    assert [tuple(s) for s in found] == [
        ('layer_2', (2,), False),
        ('layer_3', (3,), False),
        ('0-3', (0, 1, 2, 3), False),
        ('mix13', (0, 1, 2, 3), True),
    ]


def test_bad_layers_and_sources_die_before_any_audio(tmp_path):
    for name, value in (('layers', 'fbanc'), ('sources', 'chroma,fbanc')):
        c = smoke()
        c.encoder[name] = value
        with pytest.raises(ConfigError, match="Did you mean 'fbank'"):
            plan.resolve(c, tmp_path)


def test_layers_restrict_what_is_built(tmp_path):
    c = smoke()
    c.encoder.layers = 'concat, fbank'
    (found,) = plan.resolve(c, tmp_path).encoders
    assert [layer.name for layer in found.load(0).card.layers] == ['fbank', 'concat']


def test_means_as_mir_ref_writes_them():
    assert plan.sources(deep(), '0:3,2') == plan.sources(deep(), '0-3,2')


@pytest.mark.parametrize('text', ['2-9', 'layer_9', '4', '3-1', '3:1'])
def test_sources_out_of_range(text):
    with pytest.raises(ConfigError, match='layer'):
        plan.sources(deep(), text)


def test_means_and_mixes_need_equal_widths():
    with pytest.raises(ConfigError, match='widths differ'):
        plan.sources(deep((8, 4, 8, 8)), '0-2')
    with pytest.raises(ConfigError, match='widths differ'):
        plan.sources(deep(mix=()), 'mix')


def test_framing_prefers_config_then_task_then_encoder(tmp_path):
    (task,) = plan.resolve(smoke(), tmp_path).tasks
    card = dataclasses.replace(deep(), sample_rate=1000, window_seconds=4.0, min_samples=100)
    own = dataclasses.replace(task, protocol=dataclasses.replace(task.protocol, window_seconds=0.0))
    asks = dataclasses.replace(
        task, protocol=dataclasses.replace(task.protocol, window_seconds=2.0)
    )
    assert plan.framing(card, own).samples == 4000
    assert plan.framing(card, asks).samples == 2000
    assert plan.framing(card, asks, 1.0).samples == 1000
    with pytest.raises(ConfigError, match='needs at least'):
        plan.framing(card, asks, 0.05)


def test_framing_of_a_fixed_window(tmp_path):
    (task,) = plan.resolve(smoke(), tmp_path).tasks
    card = dataclasses.replace(deep(), fixed_window=True, window_samples=3000, hop_samples=2500)
    assert plan.framing(card, task)[:2] == (3000, 2500)
    assert plan.framing(card, task).lead == 0
    with pytest.raises(ConfigError, match='fixed'):
        plan.framing(card, task, 9.0)


@pytest.mark.parametrize('fixed', [True, False])
def test_framing_takes_the_lead_from_the_card(tmp_path, fixed):
    (task,) = plan.resolve(smoke(), tmp_path).tasks
    card = dataclasses.replace(deep(), fixed_window=fixed)
    led = dataclasses.replace(card, lead_samples=7)
    assert plan.framing(led, task) == plan.framing(card, task)._replace(lead=7)


def test_framing_under_a_preset(tmp_path):
    (task,) = plan.resolve(smoke(), tmp_path).tasks
    card = dataclasses.replace(deep(), sample_rate=1000, window_seconds=4.0, min_samples=100)
    theirs = Preset(name='x', what='', window_seconds=3.0, hop_seconds=0.5, tail='drop')
    assert plan.framing(card, task, 0.0, theirs)[:3] == (3000, 500, 'drop')
    assert plan.framing(card, task, 1.0, theirs).samples == 1000
    fixed = dataclasses.replace(card, fixed_window=True, window_samples=2000)
    assert plan.framing(fixed, task, 0.0, theirs)[:2] == (2000, 500)


def test_zeros_are_refused_where_they_change_features(tmp_path):
    (task,) = plan.resolve(smoke(), tmp_path).tasks
    padding = Preset(name='x', what='', tail='pad', short='pad')
    with pytest.raises(ConfigError, match='tail=pad and short=pad.*change its features'):
        plan.framing(deep(), task, 0.0, padding)
    admits = dataclasses.replace(deep(), zero_pad=True)
    assert plan.framing(admits, task, 0.0, padding)[2:4] == ('pad', 'pad')


CHOOSY = dataclasses.replace(
    encoders.card('toy_conformer'),
    name='choosy',
    options=(Option('hop', 0.5), Option('relu', False)),
    presets=(Preset(name='theirs', what='', options={'hop': 0.25, 'relu': True}),),
    configure='here:configure',
)


def configure(card, options):
    return dataclasses.replace(card, hop_samples=round(options['hop'] * card.sample_rate))


def test_options_go_before_the_presets(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders.ENCODERS, 'load', lambda name: CHOOSY)
    monkeypatch.setattr(encoders, 'load_path', lambda path, what: configure)
    c = smoke()
    c.encoder.name, c.encoder.preset, c.encoder.options = 'choosy', 'theirs', 'relu=false'
    (one, *_) = plan.resolve(c, tmp_path).encoders
    assert one.options == {'hop': 0.25, 'relu': False}
    assert one.card.hop_samples == round(0.25 * CHOOSY.sample_rate)
    assert one.preset.name == 'theirs'
    c.encoder.options = 'hob=1'
    with pytest.raises(ConfigError, match="no option 'hob'.*hop"):
        plan.resolve(c, tmp_path)
    c.encoder.options, c.encoder.preset = '', 'their'
    with pytest.raises(ConfigError, match="no preset 'their'.*theirs"):
        plan.resolve(c, tmp_path)


def test_limit_spreads_over_the_split(tmp_path):
    from pathlib import Path

    from jaxprobe.tasks.base import Item

    items = [Item(str(i), Path('a.wav'), 'train' if i < 8 else 'test', i) for i in range(10)]
    assert [item.id for item in plan.limited(items, 4)] == ['0', '2', '4', '6', '8', '9']
    assert plan.limited(items, 0) == items


def test_an_encoder_may_have_a_smaller_limit_of_its_own(tmp_path):
    c = smoke(tasks={'synth_instrument': {'items': (8, 4, 4)}})
    c.limit, c.encoder.limit, c.data_dir = 4, 2, str(tmp_path)
    c.beside.whole = config.encoder('fbank_chroma')
    found = plan.resolve(c, tmp_path)
    (task,), (own, whole) = found.tasks, found.encoders
    task.prepare(tmp_path)
    assert [len(plan.items_of(task, found, e)) for e in (own, whole, None)] == [6, 12, 12]
    assert [plan.limit_of(found, e) for e in (own, whole)] == [2, 4]
    c.beside.whole.limit = -1
    with pytest.raises(ConfigError, match='beside.whole.limit=-1 must be at least 0'):
        plan.resolve(c, tmp_path)


def test_a_monitor_that_cannot_be_watched(tmp_path):
    with pytest.raises(ConfigError, match="monitor='macro_f1' can be reported but not watched"):
        plan.resolve(smoke(tasks={'synth_instrument': {'monitor': 'macro_f1'}}), tmp_path)


def test_half_precision_outputs_are_refused_for_regression(tmp_path):
    c = smoke(tasks={'synth_emotion': {}})
    c.probe.logits_dtype = 'float16'
    with pytest.raises(ConfigError, match='synth_emotion'):
        plan.resolve(c, tmp_path)


def test_numbers_mean_layers_of_the_whole_model():
    from jaxprobe.encoders.subset import subset_card

    kept = subset_card(deep((8,) * 6, (1, 2, 3, 4, 5)), '2,3,4,5')
    assert [s.layers for s in plan.sources(kept, '4, 3-5, mix')] == [(2,), (1, 2, 3), (0, 1, 2, 3)]
    with pytest.raises(ConfigError, match='not kept'):
        plan.sources(kept, 'mix13')
    with pytest.raises(ConfigError, match='has the layers'):
        plan.sources(kept, '1-3')


def test_pin_lets_errors_be_quarantined_and_remembers_where_stores_went(tmp_path):
    plan.pin(plan.resolve(smoke(), tmp_path / 'run'), tmp_path / 'run')
    c = smoke(store_dir=str(tmp_path / 'elsewhere'))
    c.extract.on_error = 'quarantine'
    plan.pin(plan.resolve(c, tmp_path / 'run'), tmp_path / 'run')
    assert plan.stores_of(tmp_path / 'run') == tmp_path / 'elsewhere'


def test_rates_that_are_no_numbers(tmp_path):
    c = smoke()
    c.probe.learning_rates = ('a',)
    with pytest.raises(ConfigError, match='different positive numbers'):
        plan.resolve(c, tmp_path)


def test_tasks_without_data_are_skipped_by_name_with_what_they_need(tmp_path):
    tasks = {'synth_key': {'items': (4, 2, 2)}, 'gtzan_genre': {}, 'emomusic': {}}
    c = smoke(tasks=tasks, data_dir=str(tmp_path / 'data'))
    assert plan.usable(plan.resolve(c, tmp_path)).skipped == {}  # Nobody asked for that.
    c.skip_missing = True
    asked = plan.resolve(c, tmp_path)
    found = plan.usable(asked)
    assert [task.name for task in found.tasks] == ['synth_key']
    assert sorted(found.skipped) == ['emomusic', 'gtzan_genre']
    assert found.skipped['gtzan_genre'].startswith('929 missing files; none of gtzan_genre/genres')
    assert 'songs_info.csv' in found.skipped['emomusic']
    assert found.config_sha256 == asked.config_sha256
    plan.pin(asked, tmp_path / 'run')
    plan.pin(found, tmp_path / 'run')


def test_a_part_of_the_data_is_not_taken_for_the_whole(tmp_path):
    rows = [f'{k}.wav,{s},{k % 2}' for k, s in enumerate(('train', 'valid', 'test') * 4)]
    (tmp_path / 'labels.csv').write_text('\n'.join(['path,split,label', *rows]))
    for k in range(11):
        (tmp_path / f'{k}.wav').write_bytes(b'RIFF')
    c = smoke(tasks={'synth_key': {'items': (4, 2, 2)}}, data_dir=str(tmp_path / 'data'))
    c.manifest, c.kind, c.skip_missing = str(tmp_path / 'labels.csv'), 'multiclass', True
    found = plan.usable(plan.resolve(c, tmp_path))
    assert '1 files that are missing' in found.skipped['own_data']
    assert 'quarantine' in found.skipped['own_data']
    c.extract.on_error = 'quarantine'
    assert plan.usable(plan.resolve(c, tmp_path)).skipped == {}


def test_frames_are_not_asked_of_an_encoder_without(tmp_path):
    c = smoke(tasks={'synth_key': {'items': (4, 2, 2)}, 'gtzan_rhythm': {}})
    c.data_dir, c.skip_missing = str(tmp_path), True
    found = plan.resolve(c, tmp_path)
    layers = tuple(dataclasses.replace(x, frames=False) for x in found.encoders[0].card.layers)
    (one,) = found.encoders
    one = dataclasses.replace(one, card=dataclasses.replace(one.card, layers=layers))
    found = plan.usable(dataclasses.replace(found, encoders=(one,)))
    assert 'clip-level layers only' in found.skipped['gtzan_rhythm']


def test_nothing_to_run_is_an_error_that_lists_all(tmp_path):
    c = smoke(tasks={'gtzan_genre': {}, 'musdb18': {}}, data_dir=str(tmp_path), skip_missing=True)
    with pytest.raises(DataError, match=r'(?s)no task can be run.*gtzan_genre: 929.*musdb18: '):
        plan.usable(plan.resolve(c, tmp_path))


def test_encoders_without_weights_are_skipped_by_name_with_what_they_need(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'cache'))
    c = smoke(tasks={'synth_key': {'items': (4, 2, 2)}}, data_dir=str(tmp_path / 'data'))
    c.beside.muq = config.encoder('muq')
    c.beside.neuralfp = config.encoder('neuralfp')
    assert len(plan.usable(plan.resolve(c, tmp_path)).encoders) == 3  # Nobody asked for that.
    c.skip_missing = True
    asked = plan.resolve(c, tmp_path)
    found = plan.usable(asked)
    assert [e.label for e in found.encoders] == ['fbank_chroma']
    assert sorted(found.skipped) == ['encoder muq', 'encoder neuralfp']
    assert 'OpenMuQ/MuQ-large-msd-iter' in found.skipped['encoder muq']
    assert found.config_sha256 == asked.config_sha256
    c.tasks = {'gtzan_genre': {}}
    with pytest.raises(DataError, match=r'(?s)gtzan_genre: 929.*encoder muq: weights'):
        plan.usable(plan.resolve(c, tmp_path))
    c.encoder = config.encoder('clmr')
    with pytest.raises(WeightsError, match=r'(?s)none of the encoders.*clmr: .*muq: .*neuralfp: '):
        plan.usable(plan.resolve(c, tmp_path))


@pytest.mark.parametrize(
    ('field', 'value', 'says'),
    [
        ('fractions', (0.1, 0.0), 'shares of the training items above 0'),
        ('fractions', (1.5,), 'up to 1'),
        ('fractions', ('a',), 'cannot be'),
        ('contexts', (-5.0,), 'seconds above 0'),
        ('heads', 'liner', "Did you mean 'linear'"),
    ],
)
def test_what_no_task_could_answer_is_refused_before_any_audio(field, value, says, tmp_path):
    c = smoke()
    with c.study.unlocked():
        c.study[field] = value
    with pytest.raises(ConfigError, match=says):
        plan.resolve(c, tmp_path)


def test_a_setting_that_came_later_leaves_old_folders_as_they_are(tmp_path):
    found = plan.resolve(smoke(), tmp_path)
    plan.pin(found, tmp_path)
    before = plan.pinned(tmp_path)  # Without layout and seal, as files were before those.
    for name in ('standardise', 'pca', 'tf32'):
        del before['probe'][name]
    del before['extract']['pooling']
    fs.write_json(tmp_path / plan.PIN, before)
    plan.pin(found, tmp_path)
    departing = smoke()
    departing.probe.pca = 8
    changed = plan.resolve(departing, tmp_path)
    assert changed.config_sha256 != found.config_sha256
    with pytest.raises(ConfigError, match='probe.pca: was None, is 8'):
        plan.pin(changed, tmp_path)


def test_a_damaged_or_newer_plan_is_refused_by_name(tmp_path):
    found = plan.resolve(smoke(), tmp_path)
    plan.pin(found, tmp_path)
    path = tmp_path / plan.PIN
    whole = path.read_text()
    path.write_text(whole.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(StoreError, match=r'plan\.json .* was changed .* another --workdir'):
        plan.pin(found, tmp_path)
    path.write_text(whole[:100])
    with pytest.raises(StoreError, match=r'plan\.json is damaged'):
        plan.pin(found, tmp_path)
    path.write_text(json.dumps({**found.record, 'schema': 2}))
    with pytest.raises(StoreError, match='layout 2, .* reads 1: a newer jaxprobe wrote it'):
        plan.pin(found, tmp_path)


def test_recurrent_probes_take_frames_as_they_are(tmp_path):
    c = smoke(tasks={'synth_separation': {}})
    c.probe.standardise = True
    with pytest.raises(ConfigError, match='cannot be used for synth_separation'):
        plan.resolve(c, tmp_path)


def test_statistics_are_layers_that_sources_can_name(tmp_path):
    c = smoke()
    c.extract.pooling, c.encoder.sources = 'mean,max', 'fbank:max,chroma'
    assert plan.resolve(c, tmp_path).encoders[0].sources == 'fbank:max,chroma'
    c.encoder.sources = 'fbank:mean'
    with pytest.raises(ConfigError, match="no layer 'fbank:mean'"):
        plan.resolve(c, tmp_path)
    c.encoder.sources, c.extract.pooling = 'all', 'maximum'
    with pytest.raises(ConfigError, match="Did you mean 'max'"):
        plan.resolve(c, tmp_path)
