import dataclasses
import time
from pathlib import Path

import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import WeightsRef
from jaxprobe.encoders.loading import hub

REF = WeightsRef(
    kind='hub',
    source='someone/model',
    filename='model.safetensors',
    size=1_300_000_000,
    sha256='ab' * 32,
    how='hf download someone/model model.safetensors',
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no network."""
    for variable in ('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_ENDPOINT'):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv('HF_HOME', str(tmp_path / 'hf'))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    return tmp_path / 'hf' / 'hub'


def snapshot(cache, revision, text, main=False):
    """A cached file as huggingface_hub lays it out: a link into blobs."""
    repository = cache / 'models--someone--model'
    blob = repository / 'blobs' / text
    folder = repository / 'snapshots' / revision
    for path in (blob.parent, folder, repository / 'refs'):
        path.mkdir(parents=True, exist_ok=True)
    blob.write_text(text)
    (folder / REF.filename).symlink_to(Path('../../blobs') / text)
    if main:
        (repository / 'refs' / 'main').write_text(revision)
    return folder / REF.filename


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    for variable in ('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(variable, raising=False)
    assert hub.cache_folder() == Path.home() / '.cache' / 'huggingface' / 'hub'
    monkeypatch.setenv('HF_HOME', str(tmp_path))
    assert hub.cache_folder() == tmp_path / 'hub'
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'elsewhere'))
    assert hub.cache_folder() == tmp_path / 'elsewhere'


def test_cached_file_is_found(cache):
    snapshot(cache, 'bbb', 'old')
    main = snapshot(cache, 'ccc', 'new', main=True)
    assert hub.cached(REF) == main
    assert hub.locate(REF, '', 'encoder model').read_text() == 'new'


def test_snapshot_of_a_revision_is_found_without_main(cache):
    old = snapshot(cache, 'bbb', 'old')
    assert hub.cached(REF) == old


def test_agrees_with_huggingface_hub(cache):
    huggingface_hub = pytest.importorskip('huggingface_hub')
    snapshot(cache, 'ccc', 'new', main=True)
    theirs = huggingface_hub.try_to_load_from_cache(REF.source, REF.filename, cache_dir=cache)
    assert Path(theirs) == hub.cached(REF)


def test_dangling_links_do_not_count(cache):
    path = snapshot(cache, 'ccc', 'new', main=True)
    path.resolve().unlink()
    assert hub.cached(REF) is None


def test_offline_error_says_what_to_bring(cache):
    with pytest.raises(WeightsError) as error:
        hub.locate(REF, '', 'encoder model')
    for part in (
        'model.safetensors (1,300 MB)',
        'https://huggingface.co/someone/model',
        'ab' * 32,
        str(cache),
        'HF_HUB_OFFLINE is set',
        'hf download someone/model model.safetensors',
        '--config.encoder.weights=PATH',
    ):
        assert part in str(error.value)


def test_file_published_elsewhere_is_brought_by_hand():
    ref = dataclasses.replace(REF, kind='file', source='https://somewhere.org/model')
    with pytest.raises(WeightsError) as caught:
        hub.locate(ref, '', 'encoder x')
    for part in (
        'encoder x',
        'model.safetensors (1,300 MB)',
        'abab',
        'https://somewhere.org/model',
    ):
        assert part in str(caught.value)
    assert '--config.encoder.weights=PATH' in str(caught.value)


def test_no_network_fails_fast(cache, monkeypatch):
    monkeypatch.delenv('HF_HUB_OFFLINE')
    monkeypatch.setenv('HF_ENDPOINT', 'http://127.0.0.1:9')  # Nobody listens there.
    start = time.monotonic()
    with pytest.raises(WeightsError, match='cannot be reached'):
        hub.download(REF, 'encoder model')
    assert time.monotonic() - start < hub.PROBE_SECONDS + 1


def test_file_or_folder_of_the_user(tmp_path):
    path = tmp_path / REF.filename
    path.write_text('here')
    assert hub.locate(REF, str(path), 'encoder model') == path
    assert hub.locate(REF, str(tmp_path), 'encoder model') == path


def test_folder_without_the_file(tmp_path):
    (tmp_path / 'pytorch_model.bin').write_text('')
    with pytest.raises(WeightsError, match=r'holds no model\.safetensors.*pytorch_model\.bin'):
        hub.locate(REF, str(tmp_path), 'encoder model')


def test_misspelt_path(tmp_path):
    (tmp_path / 'model.safetensors').write_text('')
    with pytest.raises(WeightsError, match="Did you mean 'model.safetensors'"):
        hub.locate(REF, str(tmp_path / 'model.safetensor'), 'encoder model')
