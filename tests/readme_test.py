"""The README is true: its snippets run, its tables name what is registered, its commands exist."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe.encoders.base import ENCODERS, card
from jaxprobe.tasks.registry import TASKS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / 'README.md').read_text()


def snippet(name: str) -> str:
    found = re.search(rf'<!-- snippet: {name} -->\n```python\n(.*?)```', TEXT, re.DOTALL)
    assert found, f'README has no snippet {name}'
    return found[1]


def run(name: str, folder: Path, shared: Path) -> None:
    (folder / 'shared').symlink_to(shared)
    (folder / 'checkout').mkdir()
    subprocess.run(
        [sys.executable, '-c', snippet(name)], cwd=folder / 'checkout', check=True, timeout=60
    )


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_spoken_digits_snippet(tmp_path, shared):
    run('fsdd', tmp_path, shared)
    digits = rows(tmp_path / 'checkout' / 'fsdd_digit.csv')
    speakers = rows(tmp_path / 'checkout' / 'fsdd_speaker.csv')
    assert len(digits) == len(speakers) == 3000
    assert sum(row['split'] == 'test' for row in digits) == 300  # The official part.
    assert len({row['label'] for row in digits}) == 10
    assert len({row['label'] for row in speakers}) == 6
    assert all(Path(row['path']).is_file() for row in digits[::500])


def test_tracks_snippet(tmp_path, shared):
    run('tracks', tmp_path, shared)
    windows = rows(tmp_path / 'checkout' / 'tracks.csv')
    for label in {row['label'] for row in windows}:
        mine = [row for row in windows if row['label'] == label]
        order = [('train', 'valid', 'test').index(row['split']) for row in mine]
        assert order == sorted(order), 'splits follow each other in time'
        assert set(order) == {0, 1, 2}


@pytest.mark.parametrize('name', [*ENCODERS, *TASKS])
def test_every_encoder_and_task_has_a_row(name):
    assert re.search(rf'^\|.*`{name}`', TEXT, re.MULTILINE), f'{name} is in no table of README'


def test_every_local_link_and_config_exists():
    for target in re.findall(r'\]\(([^)#:]+)\)', TEXT):
        assert (ROOT / target).exists(), target
    for target in re.findall(r'--config=(configs/\w+\.py)', TEXT):
        assert (ROOT / target).exists(), target


def test_nothing_is_left_to_fill_in():
    for name in ('README.md', 'BUILD.md', 'CONTRIBUTING.md', 'CHANGELOG.md'):
        assert '@@' not in (ROOT / name).read_text(), name


@pytest.mark.parametrize('name', ENCODERS)
def test_differences_from_the_reference_are_those_of_the_cards(name):
    parity = card(name).parity
    (row,) = [line for line in TEXT.splitlines() if re.match(rf'\|.*`{name}`.*\|', line)]
    if parity is not None:
        assert f'{parity.error:.1e}, {parity.weights}' in row


def test_every_verb_has_a_row():
    from jaxprobe.__main__ import VERBS

    for name in VERBS:
        assert re.search(rf'^\| `{name}` \|', TEXT, re.MULTILINE), f'{name} is not in README'
