import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.muq import architecture

MUQ = {
    'label_rate': 25,
    'hop_length': 240,
    'n_mels': 128,
    'conv_dim': 8,
    'encoder_dim': 32,
    'encoder_depth': 3,
    'stat': {'melspec_2048_mean': 1.5, 'melspec_2048_std': 2.5},
    'w2v2_config': {
        'hidden_act': 'swish',
        'position_embeddings_type': 'rotary',
        'hidden_size': 32,
        'num_hidden_layers': 24,  # Of the speech model it was copied from; not used.
        'num_attention_heads': 4,
        'intermediate_size': 64,
        'conv_depthwise_kernel_size': 31,
        'layer_norm_eps': 1e-5,
        'rotary_embedding_base': 10000,
    },
}


def written(tmp_path, config):
    path = tmp_path / 'config.json'
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


def test_published_differ_only_in_their_statistics():
    muq, msd, fma = (architecture.resolve(n, '') for n in ('muq', 'musicfm_msd', 'musicfm_fma'))
    assert muq == msd
    assert fma == msd._replace(mean=3.0710578151459664, std=20.999089814337626)
    assert (muq.depth, muq.width, muq.heads, muq.hidden, muq.channels) == (12, 1024, 16, 4096, 512)


def test_muq_config(tmp_path):
    a = architecture.resolve('muq', written(tmp_path, MUQ))
    assert (a.mean, a.std) == (1.5, 2.5)
    assert (a.channels, a.width, a.depth, a.heads, a.hidden, a.kernel) == (8, 32, 3, 4, 64, 31)
    assert architecture.resolve('muq', str(tmp_path)) == a  # The folder will do.


def test_musicfm_config(tmp_path):
    config = {k: v for k, v in MUQ.items() if k != 'w2v2_config'} | {'w2v2': MUQ['w2v2_config']}
    del config['stat']
    a = architecture.resolve('musicfm_fma', written(tmp_path, config))
    assert (a.mean, a.depth) == (architecture.FMA_STATS[0], 3)


def test_fixtures(shared):
    for name in ('muq_tiny_25hz', 'musicfm_tiny_msd'):
        a = architecture.resolve('muq', str(shared / 'fixtures' / name / 'config.json'))
        assert a == architecture.resolve('muq', 'tiny')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'label_rate': 50}, r'label_rate=50 \(ported: 25\)'),
        ({'encoder_dim': 64}, 'hidden_size=32 beside encoder_dim=64'),
        ({'w2v2_config': MUQ['w2v2_config'] | {'hidden_act': 'gelu'}}, "hidden_act='gelu'"),
        (
            {'w2v2_config': MUQ['w2v2_config'] | {'position_embeddings_type': 'relative'}},
            "position_embeddings_type='relative'",
        ),
        ({'w2v2_config': None}, 'config.json of another model'),
    ],
)
def test_what_is_not_ported_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        architecture.resolve('muq', written(tmp_path, MUQ | changes))


def test_missing_key(tmp_path):
    config = {k: v for k, v in MUQ.items() if k != 'conv_dim'}
    with pytest.raises(ConfigError, match="has no 'conv_dim'"):
        architecture.resolve('muq', written(tmp_path, config))


@pytest.mark.parametrize('text', ['', '[1, 2]', 'PK'])
def test_not_a_config(tmp_path, text):
    with pytest.raises(ConfigError, match='encoder.arch'):
        architecture.resolve('muq', written(tmp_path, text))


def test_no_such_file():
    with pytest.raises(ConfigError, match="'tiny', or the path"):
        architecture.resolve('muq', 'tinny')


def test_cost_is_the_spec_pages():
    """Measured there with torch's own counter: 42.0 at 5 s and 42.7 at 30 s."""
    a = architecture.resolve('muq', '')
    assert architecture.gflop_per_second(a, 5.0) == pytest.approx(42.0, abs=0.1)
    assert architecture.gflop_per_second(a, 30.0) == pytest.approx(42.7, abs=0.1)
