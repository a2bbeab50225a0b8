import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import memory
from jaxprobe.probes.separation import fit
from jaxprobe.probes.separation.head import MaskHead


def test_chunks_are_equally_full_and_bounded_by_the_user():
    assert fit.cut(10, 1.0, 0, lambda models: float(models), 100.0).models == 10
    assert fit.cut(10, 1.0, 0, lambda models: float(models), 7.0).models == 5
    assert fit.cut(10, 1.0, 4, lambda models: float(models), 100.0).models == 4
    assert fit.cut(1, 1.0, 4, lambda models: 2.0, 3.0) == fit.Cut(1, 2.0, 3.0)


def test_the_compiler_has_the_last_word():
    """The formula admits ten; the programs need three times as much."""
    asked = []

    def needed(models):
        asked.append(models)
        return 3.0 * models

    assert fit.cut(10, 1.0, 0, needed, 10.0).models == 3
    assert asked == [10, 3]


def test_nothing_fits():
    with pytest.raises(ConfigError, match=r'its programs need 5.00 GB, and 3.00 GB'):
        fit.cut(4, 1e9, 0, lambda models: 5e9 * models, 3e9)


def test_the_formula_at_full_size():
    """64 windows of 6 s, width 768: 4.0 GB; the CPU compiler needs 4.3 GB more per model."""
    assert fit.model_bytes(MaskHead(), 768, 64, 450) == pytest.approx(4.02e9, rel=0.01)


def test_usable_is_a_part_of_what_banks_use(monkeypatch):
    monkeypatch.setattr(memory, 'usable_bytes', lambda: 1000.0)
    assert fit.usable_bytes() == pytest.approx(650)
