from collections import Counter

import pytest

from jaxprobe.encoders.base import ENCODERS, card
from jaxprobe.literature import match, table
from jaxprobe.tasks import registry

LAYERS = [{'index': k, 'name': f'block{k}' if k else 'input', 'width': 8} for k in range(13)]
SOURCES = [
    *({'name': layer['name'], 'layers': [k], 'learned': False} for k, layer in enumerate(LAYERS)),
    {'name': '4-8', 'layers': [4, 5, 6, 7, 8], 'learned': False},
    {'name': 'mix', 'layers': list(range(1, 13)), 'learned': True},
]


def test_every_printed_number_has_our_names_or_a_reason():
    counts = Counter(type(match.ours(row)) for row in table.rows())
    assert counts[match.Ours] + counts[str] == len(table.rows())
    assert counts[match.Ours] >= 1246
    unmapped = {(r.encoder, r.task) for r in table.rows() if isinstance(match.ours(r), str)}
    assert {encoder for encoder, task in unmapped if task != 'average'} == {'SOTA', 'Previous SOTA'}
    assert all(match.ours(r) for r in table.rows()), 'no reason is empty'


def test_our_names_are_those_of_encoders_tasks_and_metrics():
    for row in table.rows():
        ours = match.ours(row)
        if isinstance(ours, str):
            continue
        assert ours.encoder in ENCODERS, row
        protocol = {'protocol': 'mir_ref'} if 'protocol=mir_ref' in ours.needs else {}
        assert ours.metric in _metrics(ours.task, tuple(protocol)), row
        assert (ours.head != '') == bool(protocol), row


def _metrics(name, protocol, known={}):  # noqa: B006
    if (name, protocol) not in known:
        options = dict.fromkeys(protocol, 'mir_ref')
        known[name, protocol] = registry.build(name, options).metrics
    return known[name, protocol]


def test_what_is_read_exists_in_the_encoder():
    for row in table.rows():
        ours = match.ours(row)
        if isinstance(ours, str) or ours.reads in ('selected', 'mix', 'mix13'):
            continue
        found = card(ours.encoder)
        if ours.reads.isdigit():
            assert int(ours.reads) < len(found.layers)
        elif ours.reads[0].isdigit():
            assert int(ours.reads.split('-')[1]) < len(found.layers)
        else:
            assert ours.reads in [layer.name for layer in found.layers], row


@pytest.mark.parametrize(
    ('encoder', 'variant', 'reads'),
    [
        ('MusicFM', 'layer7', '7'),
        ('MuQ', 'best(layer 6)', '6'),
        ('MuQ', 'weighted(argmax 4)', 'mix'),
        ('HuBERT base', 'weighted', 'mix13'),
        ('FBANK+Chroma', 'baseline', 'concat'),
        ('MERT-v1-95M', 'best', 'selected'),
        ('MERT-v1-95M[mean L4-8]', 'M2', '4-8'),
        ('MERT-v1-95M[L6]', 'M1', '6'),
    ],
)
def test_what_a_variant_reads(encoder, variant, reads):
    row = next(r for r in table.rows() if (r.encoder, r.variant) == (encoder, variant))
    found = match.ours(row)
    assert isinstance(found, match.Ours)
    assert found.reads == reads


def test_sources_are_found_by_depth_not_by_place():
    assert match.find('7', LAYERS, SOURCES) == 'block7'
    assert match.find('7', LAYERS[6:], [{'name': 'x', 'layers': [1], 'learned': False}]) == 'x'
    assert match.find('1', LAYERS[6:], [{'name': 'x', 'layers': [1], 'learned': False}]) is None
    assert match.find('4-8', LAYERS, SOURCES) == '4-8'
    assert match.find('9-12', LAYERS, SOURCES) is None
    assert match.find('mix13', LAYERS, SOURCES) == 'mix'
    assert match.find('selected', LAYERS, []) == ''


def test_pairs_say_why_not():
    task = {'name': 'magnatagatune', 'options': {'split': 'full'}, 'metrics': ['roc_auc', 'ap']}
    encoder = {'name': 'mert_v1_95m', 'layers': LAYERS}
    found = match.pairs(encoder, task, {'hidden': [512]}, SOURCES)
    compared = [p.row for p in found if not p.why_not]
    assert {(r.source, r.metric) for r in compared} == {
        ('yuan2023_marble:table6.2', 'roc_auc'),
        ('yuan2023_marble:table6.2', 'ap'),
    }
    assert {p.why_not for p in found if p.why_not} == {
        'ours is another task: it needs protocol=mir_ref;split=clean|mir_ref'
    }
    options = {'split': 'clean', 'protocol': 'mir_ref'}
    found = match.pairs(encoder, task | {'options': options}, {'hidden': ()}, SOURCES, ['m2'])
    compared = {(p.row.encoder, p.row.variant, p.source) for p in found if not p.why_not}
    assert compared == {('MERT-v1-95M[mean L4-8]', m, '4-8') for m in ('M1', 'M2')} | {
        ('MERT-v1-95M[L6]', m, 'block6') for m in ('M1', 'M2')
    }
    why = Counter(p.why_not for p in found)
    assert why['the head m4 is not trained here'] == 4
    assert why['source 9-12 is not probed here'] == 10
