import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.jukebox import architecture
from jaxprobe.encoders.jukebox.architecture import Architecture


def written(tmp_path, **sizes):
    path = tmp_path / 'sizes.json'
    path.write_text(json.dumps(sizes))
    return str(path)


def test_published_sizes():
    a = architecture.resolve('')
    assert (a.state, a.block) == (1200, 64)
    assert a.state // a.heads == 150


def test_sizes_have_the_names_of_the_reference(tmp_path):
    path = written(tmp_path, prior_width=96, heads=2, y_bins=[4, 9], attn_order=2, t_bins=64)
    a = architecture.resolve(path)
    assert a == Architecture(prior_width=96, heads=2, genres=4, artists=9, times=64)


@pytest.mark.parametrize(
    ('sizes', 'match'),
    [
        ({'prior_depht': 3}, "no size 'prior_depht'.*prior_depth"),
        ({'attn_order': 12}, 'attn_order=12 is not ported'),  # 1b_lyrics
        ({'use_tokens': True}, 'use_tokens=True is not ported'),  # 5b_lyrics
        ({'prior_depth': 35}, 'no multiple of 3'),
        ({'n_ctx': 100, 'blocks': 16}, 'no multiple of blocks'),
        ({'prior_width': 100, 'heads': 8}, 'no multiple of 4 x heads'),
    ],
)
def test_what_cannot_be(tmp_path, sizes, match):
    with pytest.raises(ConfigError, match=match):
        architecture.resolve(written(tmp_path, **sizes))


def test_no_json(tmp_path):
    (tmp_path / 'sizes.json').write_text('[1]')
    for path in (tmp_path / 'sizes.json', tmp_path / 'absent.json'):
        with pytest.raises(ConfigError, match=r"'tiny'.*hparams\.py"):
            architecture.resolve(str(path))
