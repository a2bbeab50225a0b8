"""The paper exercise prints what docs/scale.md says."""

from pathlib import Path

import pytest

from benchmarks import scale

DOCUMENT = Path(__file__).resolve().parents[2] / 'docs' / 'scale.md'


# `work` counts every step of every task.
TABLES = [
    pytest.param(name, marks=pytest.mark.slow) if name == 'work' else name for name in scale.TABLES
]


@pytest.mark.parametrize('name', TABLES)
def test_the_document_has_what_the_program_prints(name):
    lines = DOCUMENT.read_text().splitlines()
    absent = [line for line in scale.TABLES[name]() if line not in lines]
    assert not absent, f'python -m benchmarks.scale --table={name} prints other numbers now'


def test_every_constant_says_where_it_comes_from():
    for name, constant in scale.CONSTANTS.items():
        assert constant.kind in ('measured', 'counted', 'data sheet', 'target'), name
        here = constant.kind in ('measured', 'counted')
        assert ('`' in constant.source) == here, name
        assert ('not measured' in constant.source) != here, name


def test_hours_are_work_over_rates():
    machine = scale.Machine('one', 10.0, 2.0, 0.5, 100.0, devices=4, cores=8, measured=False)
    assert scale.bank_hours(machine, 3600 * 10, 3600 * 2) == pytest.approx((1 + 1) / 0.5)
    encode, decode = scale.audio_hours(machine, 4000)
    assert encode == pytest.approx(10)
    assert decode == pytest.approx(4000 / (8 * scale.CONSTANTS['decode_core'].value))
