import json

import pytest

from jaxprobe.encoders.loading import signatures

EXPECTED = {
    'MusicFM (FMA/MSD .pt, keys in file are prefixed model.)': 'MusicFM',
    'MuQ-large (use_rvq_target, codebook_size 8192)': 'MuQ',
    'MERT-v1-95M / MERT-v0 / hubert-base': 'HuBERT or MERT',
    'MERT-v1-330M': 'HuBERT or MERT',
    'data2vec-audio-base / music2vec-v1': 'data2vec',
}


@pytest.mark.parametrize('layout', EXPECTED)
def test_published_layouts(shared, layout):
    layouts = json.loads((shared / 'spec' / 'state_dict_keys.json').read_text())
    names = [pattern[0].replace('{i}', '0') for pattern in layouts[layout]['patterns']]
    assert EXPECTED[layout] in signatures.looks_like(names)
    assert EXPECTED[layout] in signatures.looks_like(f'model.{name}' for name in names)


def test_unknown():
    assert signatures.looks_like(['layer1.weight']) is None
    assert signatures.looks_like([]) is None
