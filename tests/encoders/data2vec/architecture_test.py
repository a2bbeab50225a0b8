import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.data2vec import architecture
from jaxprobe.encoders.hubert import architecture as shared_sizes

# music2vec's config.json, as far as it matters here: transformers 5 refuses its `vocab_size`.
MUSIC2VEC = {
    'model_type': 'data2vec-audio',
    'vocab_size': '/home/somebody/checkpoints/dict.ltr.txt',
    'hidden_size': 768,
    'num_hidden_layers': 12,
    'num_attention_heads': 12,
    'intermediate_size': 3072,
    'conv_bias': False,
    'conv_pos_kernel_size': 19,
    'num_conv_pos_embeddings': 5,
    'num_conv_pos_embedding_groups': 16,
    'feat_extract_norm': 'layer',
    'do_stable_layer_norm': True,  # Its class has one order of norms and does not read this.
}


def test_music2vecs_config_is_read_whatever_its_vocabulary(tmp_path):
    (tmp_path / 'config.json').write_text(json.dumps(MUSIC2VEC))
    found = shared_sizes.resolve(
        'music2vec', architecture.BASE, 16000, str(tmp_path), architecture.from_config
    )
    assert found == architecture.BASE


def test_positions_are_its_own():
    changed = architecture.from_config(
        MUSIC2VEC | {'num_conv_pos_embeddings': 3, 'conv_pos_kernel_size': 9}, 'f'
    )
    assert (changed.position_layers, changed.position_taps) == (3, 9)
    assert not changed.pre_norm


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'model_type': 'hubert'}, "model_type='hubert'.*ported: 'data2vec-audio'"),
        ({'add_adapter': True}, 'add_adapter=True'),
        ({'conv_pos_kernel_size': 0}, 'conv_pos_kernel_size=0'),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        architecture.from_config(MUSIC2VEC | changes, 'f')


def test_cost_is_the_spec_pages():
    cost = [shared_sizes.gflop_per_second(architecture.BASE, 16000, s) for s in (5.0, 10.0, 30.0)]
    assert cost == pytest.approx([14.2, 14.7, 16.6], rel=0.01)
