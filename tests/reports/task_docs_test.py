from pathlib import Path

from jaxprobe.reports import task_docs
from jaxprobe.tasks import registry

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'tasks.md'


def test_the_page_is_what_the_cards_say():
    again = 'python -m jaxprobe.reports.task_docs > docs/tasks.md'
    assert PAGE.read_text() == task_docs.document(), f'a card has changed since: {again}'


def test_every_task_has_its_section_and_row():
    text = task_docs.document()
    for name in registry.TASKS:
        assert text.count(f'\n### {name}\n') == 1
        assert text.count(f'| [{name}](#{name}) |') == 1
    assert f'## {task_docs.OTHERS}' not in text, 'say in GROUPS where a new task belongs'
    assert text.count('see the module') == 0, "an option is missing in a builder's docstring"


def test_what_a_section_says(monkeypatch):
    text = task_docs.document()
    own = text[text.index('### gtzan_genre') : text.index('### giantsteps_key')]
    for word in ('442 / 197 / 290', 'accuracy', 'jazz.00054', '4d5609464c2d', 'kaggle', '`jsonl`'):
        assert word in own
    assert 'end after 20' in own
    assert all(len(line) <= 100 for line in own.splitlines() if 'http' not in line)
