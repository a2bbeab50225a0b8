import json
import sys

import pytest

from benchmarks import encode, encode_torch
from jaxprobe.encoders import base


def lines(capsys, *arguments):
    encode.main([*arguments, '--repeats=1', '--batch=2', '--seconds=1'])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_rates_follow_from_the_time(capsys):
    (line,) = lines(capsys, 'toy_conformer', '--weights=random')
    assert line['x_real_time'] == pytest.approx(2.0 / line['seconds_per_batch'], rel=0.2)
    gflop = base.card('toy_conformer').gflop_per_second
    assert line['gflop_per_second'] == pytest.approx(line['x_real_time'] * gflop, rel=0.1, abs=0.1)
    assert line['of_matmul'] == pytest.approx(
        line['gflop_per_second'] / line['matmul_gflop_per_second'], abs=2e-3
    )
    assert line['weights'] == 'random'
    assert line['peak_mib'] > 50
    assert 'peer' not in line


def test_absent_references_are_named(capsys):
    (line,) = lines(capsys, 'toy_conformer', '--weights=random', '--peer')
    assert line['peer'] == 'none: no torch reference of toy_conformer is timed here'
    (line,) = lines(
        capsys, 'muq', '--weights=random', '--arch=tiny', '--peer', '--peer-python=/no/python'
    )
    assert '/no/python is absent' in line['peer']


def test_a_reference_that_does_not_load_says_why(capfd):
    peer = encode.Peer('no_such', sys.executable, batch=1, samples=400, dtype='float32')
    assert peer.missing == 'no torch reference of no_such is timed here'
    peer = encode.Peer('muq', '/bin/false', batch=1, samples=400, dtype='float32')
    assert peer.missing == 'it ended with 1'
    assert peer.timed() == {}
    peer.close()


def test_every_reference_is_of_a_known_package():
    for name in (*encode_torch.MUQ, *encode_torch.HUBERT, *encode_torch.DATA2VEC):
        assert encode_torch.package(name) in ('muq', 'transformers')
    assert encode_torch.package('fbank_chroma') == ''


@pytest.mark.slow
def test_transformers_beside_ours():
    """The published sizes: HuBERT base of transformers answers with times."""
    pytest.importorskip('torch')
    peer = encode.Peer(
        'hubert_base', '', batch=1, samples=16000, dtype='float32', threads=1, calls=1
    )
    try:
        assert not peer.missing
        assert peer.about['reference'].startswith('transformers ')
        assert peer.timed()['wall'] > 0
    finally:
        peer.close()
