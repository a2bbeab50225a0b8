import pytest

from jaxprobe.metrics import key
from jaxprobe.tasks import key_names


def test_labels_are_those_of_the_metric():
    assert key_names.LABELS == key.LABELS


@pytest.mark.parametrize('index', range(24))
def test_every_label_is_its_own_name(index):
    assert key_names.index(key_names.LABELS[index]) == index


@pytest.mark.parametrize(
    ('name', 'label'),
    [
        ('C', 'C major'),
        ('c:maj', 'C major'),
        ('Am', 'A minor'),
        ('AM', 'A major'),
        ('F# min', 'Gb minor'),
        ('f♯ minor', 'Gb minor'),
        ('B♭', 'Bb major'),
        ('Bbm', 'Bb minor'),
        ('bb minor', 'Bb minor'),
        ('Cb major', 'B major'),
        ('E# minor', 'F minor'),
        ('B#', 'C major'),
        ('  G   Major ', 'G major'),
        ('D_minor', 'D minor'),
        ('Ab-MIN', 'Ab minor'),
    ],
)
def test_spellings(name, label):
    assert key_names.LABELS[key_names.index(name)] == label


@pytest.mark.parametrize('name', ['', 'H major', 'C dorian', 'C## major', 'major', '8A', 'C / G'])
def test_no_keys(name):
    with pytest.raises(ValueError, match='is no key'):
        key_names.index(name)
