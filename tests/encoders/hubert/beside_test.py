import json

import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders.hubert import architecture, beside, card


def check(found, folder, **config):
    (folder / 'config.json').write_text(json.dumps(config))
    beside.check_config(found, folder / 'pytorch_model.bin', architecture.from_config)


def remark(found, folder, normalise, **settings):
    (folder / 'preprocessor_config.json').write_text(json.dumps(settings))
    return beside.remark(found, folder / 'pytorch_model.bin', normalise)


def test_nothing_beside_is_nothing_to_say(tmp_path):
    path = tmp_path / 'pytorch_model.bin'
    beside.check_config(card.MERT_V0, path, architecture.from_config)
    assert beside.remark(card.MERT_V0, path, 'item') == ''


def test_its_own_config_agrees(tmp_path):
    check(card.MERT_V1_95M, tmp_path, model_type='mert_model', sample_rate=24000)
    check(card.MERT_V0, tmp_path, model_type='hubert', do_stable_layer_norm=False)


def test_a_sisters_config_gives_it_away(tmp_path):
    """HuBERT base has MERT's tensors, and MERT-v0 those of v1 at another rate."""
    with pytest.raises(WeightsError, match="model_type 'hubert'; mert_v1_95m has 'mert_model'"):
        check(card.MERT_V1_95M, tmp_path, model_type='hubert')
    with pytest.raises(WeightsError, match='says 16000 Hz, and mert_v1_95m hears 24000 Hz'):
        check(card.MERT_V1_95M, tmp_path, model_type='mert_model', sample_rate=16000)


def test_norms_before_or_after_show_only_there(tmp_path):
    with pytest.raises(WeightsError, match=r'pre_norm True for False.*encoder\.arch='):
        check(card.HUBERT_BASE, tmp_path, model_type='hubert', do_stable_layer_norm=True)


def test_what_is_not_ported_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='deepnorm=True'):
        check(card.MERT_V1_95M, tmp_path, model_type='mert_model', deepnorm=True)


@pytest.mark.parametrize(
    ('normalise', 'theirs', 'said'),
    [
        ('item', True, ''),
        ('window', True, ''),
        ('none', False, ''),
        ('none', True, 'normalise=none against the file'),
        ('item', False, 'do_normalize=false'),
    ],
)
def test_the_processors_zscore(tmp_path, normalise, theirs, said):
    found = remark(card.MERT_V1_330M, tmp_path, normalise, do_normalize=theirs, sampling_rate=24000)
    assert said in found
    assert bool(found) == bool(said)


def test_a_processor_for_another_rate(tmp_path):
    with pytest.raises(WeightsError, match='for 16000 Hz, and mert_v1_95m hears 24000 Hz'):
        remark(card.MERT_V1_95M, tmp_path, 'item', sampling_rate=16000)
