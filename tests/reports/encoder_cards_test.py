"""The table of encoders and one card in full, without building anything."""

import dataclasses

import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.base import Layer, Parity, WeightsRef
from jaxprobe.encoders.options import Option, Preset
from jaxprobe.reports import encoder_cards
from tests.encoders.contract_test import CARD

HUB = WeightsRef(kind='hub', source='me/net', filename='m.bin', size=2_000_000, how='hf download')


def test_a_row_says_what_a_choice_needs():
    row = encoder_cards.row('mock', dataclasses.replace(CARD, weights=HUB))
    assert (row['layers'], row['width'], row['rate_hz'], row['window_s']) == (2, '4', 1000, 3.0)
    assert (row['parity'], row['reference']) == (None, None)
    measured = Parity(1.2e-5, 'transformers 4.38.2', 'random', 'pytest x')
    row = encoder_cards.row('mock', dataclasses.replace(CARD, parity=measured))
    assert (row['parity'], row['reference']) == ('1.2e-05', 'transformers 4.38.2, random weights')


def test_weights_are_here_or_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path))
    wheel = WeightsRef(kind='wheel', source='net', filename='net.whl')
    assert encoder_cards.weights(HUB) == 'fetched once (2 MB)'
    assert encoder_cards.weights(wheel) == 'fetched once'
    assert encoder_cards.weights(dataclasses.replace(HUB, kind='file')) == 'bring m.bin (2 MB)'
    assert encoder_cards.weights(WeightsRef(kind='none')) is None
    assert encoder_cards.on_disk(WeightsRef(kind='none')) is None
    snapshot = tmp_path / 'models--me--net' / 'snapshots' / 'abc'
    snapshot.mkdir(parents=True)
    (snapshot / 'm.bin').touch()
    (tmp_path / 'net.whl').touch()
    assert encoder_cards.weights(HUB) == encoder_cards.weights(wheel) == 'here'


def test_another_packages_broken_encoder_does_not_hide_ours(monkeypatch):
    table = {'muq': base.ENCODERS['muq'], 'afar': 'no_such_module:CARD'}
    monkeypatch.setattr(base.ENCODERS, '_all', table)
    rows = {row['name']: row for row in encoder_cards.rows()}
    assert rows['muq']['layers'] == 13
    assert "'no_such_module' cannot be imported" in rows['afar']['status']
    assert len(encoder_cards.as_table(list(rows.values())).splitlines()) == 4


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_every_card_in_full_fits_the_terminal(name):
    card = base.card(name)
    lines = encoder_cards.full(name, card).splitlines()
    text = ' '.join(' '.join(lines).split())
    for wanted in (card.title, card.homepage, *(option.name for option in card.options)):
        assert wanted in text
    assert ' '.join(card.weights_licence.split()) in text
    if 'citation' in lines:
        lines = lines[: lines.index('citation')]
    assert max(len(line) for line in lines if ' ' in line.strip()) <= 160


def test_a_card_in_full():
    card = dataclasses.replace(
        CARD,
        layers=(Layer('in', 4), *(Layer(f'b{i}', 4) for i in range(1, 5)), Layer('out', 8, False)),
        mix=(1, 2, 3, 4),
        lead_samples=20,
        normalise='zscore',
        weights=HUB,
        options=(Option('hop', 0.5, what='seconds'), Option('front', 'a', ('a', 'b'))),
        presets=(Preset(name='peer', what='as they do'),),
        parity=Parity(1e-5, 'theirs', 'seeded', 'pytest x'),
        citation='Me, 2026',
    )
    text = ' '.join(encoder_cards.full('mock', card).split())
    for wanted in (
        'layers in, b1..b4 [4]; out [8, one per window]',
        'mix b1..b4',
        '20 samples before each (reflect)',
        'each item scaled as a whole (zscore)',
        'fetched once (2 MB): m.bin of me/net; hf download',
        'option hop=0.5 (any float): seconds',
        'option front=a (a, b)',
        'preset peer: as they do',
        '1.0e-05 of the scale at most, against theirs with seeded weights: pytest x',
        'citation Me, 2026',
    ):
        assert wanted in text
