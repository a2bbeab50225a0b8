import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.hubert import architecture
from jaxprobe.encoders.hubert.architecture import BASE, LARGE

# What the published config.json of MERT-v1-330M says of its graph, and more that it says.
MERT_330M = {
    'model_type': 'mert_model',
    'sample_rate': 24000,
    'hidden_size': 1024,
    'num_hidden_layers': 24,
    'num_attention_heads': 16,
    'intermediate_size': 4096,
    'do_stable_layer_norm': True,
    'feat_extract_norm': 'group',
    'feat_proj_layer_norm': True,
    'conv_bias': False,
    'conv_dim': [512] * 7,
    'conv_kernel': [10, 3, 3, 3, 3, 2, 2],
    'conv_stride': [5, 2, 2, 2, 2, 2, 2],
    'num_conv_pos_embeddings': 128,
    'num_conv_pos_embedding_groups': 16,
    'layer_norm_eps': 1e-05,
    'feature_extractor_cqt': False,
    'deepnorm': False,
    'attention_relax': 32.0,
    'mask_time_prob': 0.075,
}


def written(tmp_path, config):
    path = tmp_path / 'config.json'
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


def resolved(arch, rate=24000):
    return architecture.resolve('own', BASE, rate, arch, architecture.from_config)


def test_published_config(tmp_path):
    """`attention_relax` is ignored: it shifts the argument of a softmax."""
    assert resolved(written(tmp_path, MERT_330M)) == LARGE
    assert resolved(str(tmp_path)) == LARGE  # The folder will do.
    assert resolved('') == BASE


def test_what_a_config_leaves_out_has_huberts_defaults():
    assert architecture.from_config({}, 'f') == BASE


def test_large_hubert_differs_by_norm_and_bias():
    config = {'feat_extract_norm': 'layer', 'conv_bias': True, 'feat_proj_layer_norm': False}
    found = architecture.from_config(config, 'f')
    assert (found.conv_norm, found.conv_bias, found.projection_norm) == ('layer', True, False)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'deepnorm': True}, r'deepnorm=True \(ported: False\)'),
        ({'feature_extractor_cqt': True}, 'feature_extractor_cqt=True'),
        ({'conv_pos_batch_norm': True}, 'conv_pos_batch_norm=True'),
        ({'add_adapter': True, 'adapter_attn_dim': 16}, 'add_adapter=True.*; adapter_attn_dim=16'),
        ({'hidden_act': 'relu'}, "hidden_act='relu'"),
        ({'feat_extract_norm': 'batch'}, "ported: 'group' or 'layer'"),
        ({'model_type': 'wavlm'}, "model_type='wavlm'"),
        ({'hidden_size': 100}, 'no multiple of 16 heads; .* 16 groups'),
        ({'hidden_size': '1024'}, "hidden_size='1024' is not a positive integer"),
        ({'conv_dim': 512}, 'conv_dim=512'),
        ({'conv_dim': [512] * 6}, r'have \{6, 7\} entries'),
        ({'num_hidden_layers': 0}, 'num_hidden_layers='),
        ({'sample_rate': 16000}, 'says 16000 Hz, and own hears 24000 Hz'),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        resolved(written(tmp_path, MERT_330M | changes))


@pytest.mark.parametrize('text', ['', '[1, 2]', 'PK'])
def test_not_a_config(tmp_path, text):
    with pytest.raises(ConfigError, match='encoder.arch'):
        resolved(written(tmp_path, text))


def test_no_such_file():
    with pytest.raises(ConfigError, match="'tiny', or the path"):
        resolved('tinny')


def test_tiny_keeps_the_graph():
    small = architecture.tiny(LARGE)
    assert (small.width, small.depth) == (32, 2)
    assert (small.pre_norm, small.kernels, small.strides) == (True, LARGE.kernels, LARGE.strides)


def test_frames():
    """Verified on the reference: 5 s and 30 s at 24 kHz, and one frame of 400 samples."""
    assert [architecture.frames(BASE, n) for n in (399, 400, 719, 720)] == [0, 1, 1, 2]
    assert architecture.frames(BASE, 5 * 24000) == 374
    assert architecture.frames(BASE, 30 * 24000) == 2249
    assert (architecture.hop(BASE), architecture.field(BASE)) == (320, 400)


@pytest.mark.parametrize(
    ('a', 'rate', 'seconds', 'measured'),
    [
        (BASE, 24000, 5.0, 21.9),
        (BASE, 24000, 30.0, 27.1),
        (LARGE, 24000, 5.0, 56.8),
        (LARGE, 24000, 30.0, 70.6),
        (BASE, 16000, 30.0, 16.7),
    ],
)
def test_cost_is_the_spec_pages(a, rate, seconds, measured):
    assert architecture.gflop_per_second(a, rate, seconds) == pytest.approx(measured, rel=0.01)
