import csv
import io
import wave

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import synth_corpus, synth_render
from jaxprobe.tasks.manifest import own_data
from jaxprobe.tasks.synth_corpus import Corpus

CORPUS = Corpus('notes', (4, 2, 2))


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_made_once_resumed_and_mended(tmp_path):
    assert not synth_corpus.is_made(CORPUS, tmp_path)
    assert synth_corpus.make(CORPUS, tmp_path) == 8
    whole = snapshot(tmp_path)
    assert len(whole) == 9
    assert synth_corpus.make(CORPUS, tmp_path) == 0

    folder = tmp_path / CORPUS.folder
    (folder / 'train/00001.wav').unlink()
    (folder / 'valid/00000.wav').write_bytes(b'half a fi')
    (folder / 'test/00001.wav.tmp-999999').write_bytes(b'litter of a killed process')
    (tmp_path / CORPUS.index).write_text('something else')
    assert not synth_corpus.is_made(CORPUS, tmp_path)
    assert synth_corpus.make(CORPUS, tmp_path) == 2
    assert snapshot(tmp_path) == whole


def test_a_long_list_continues_a_short_one(tmp_path):
    synth_corpus.make(CORPUS, tmp_path)
    assert synth_corpus.make(Corpus('notes', (6, 2, 3)), tmp_path) == 3
    assert synth_corpus.is_made(CORPUS, tmp_path)


def test_a_killed_run_leaves_no_index(tmp_path, monkeypatch):
    real, made = synth_render.note_clip, []

    def killed(clip):
        made.append(clip)
        if len(made) == 6:
            raise KeyboardInterrupt
        return real(clip)

    monkeypatch.setattr(synth_render, 'note_clip', killed)
    with pytest.raises(KeyboardInterrupt):
        synth_corpus.make(CORPUS, tmp_path)
    assert not synth_corpus.is_made(CORPUS, tmp_path)
    monkeypatch.setattr(synth_render, 'note_clip', real)
    assert synth_corpus.make(CORPUS, tmp_path) == 3


def test_items(tmp_path):
    with pytest.raises(DataError, match='jaxprobe prepare synth_pitch'):
        synth_corpus.items(CORPUS, 'synth_pitch', tmp_path)
    synth_corpus.make(CORPUS, tmp_path)
    pitch = synth_corpus.items(CORPUS, 'synth_pitch', tmp_path)
    timbre = synth_corpus.items(CORPUS, 'synth_instrument', tmp_path)
    assert [item.id for item in pitch[3:6]] == ['train-00003', 'valid-00000', 'valid-00001']
    assert [item.path for item in pitch] == [item.path for item in timbre]
    assert all(item.path.exists() and item.group.startswith(item.split) for item in pitch)


@pytest.mark.parametrize('collection', ['notes', 'phrases'])
def test_the_index_is_a_table_of_facts(collection):
    corpus = Corpus(collection, (5, 2, 2))
    rows = list(csv.DictReader(io.StringIO(synth_corpus.index_bytes(corpus).decode())))
    assert len(rows) == 9 == len(synth_corpus.clips(corpus))
    assert {row['split'] for row in rows} == {'train', 'valid', 'test'}
    assert all(row.values() for row in rows)


def test_the_index_is_nearly_a_manifest(tmp_path):
    synth_corpus.make(CORPUS, tmp_path)
    table = (tmp_path / CORPUS.index).read_text().replace('instrument', 'label')
    manifest = tmp_path / CORPUS.folder / 'labels.csv'
    manifest.write_text(table)
    found = own_data(str(manifest)).prepare(tmp_path)
    assert found.found == found.expected == {'train': 4, 'valid': 2, 'test': 2}


def test_wav_bytes():
    samples = np.array([0, 1, -2, 32767, -32768], np.int16)
    data = synth_corpus.wav_bytes(samples)
    assert len(data) == 44 + 10
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        np.testing.assert_array_equal(np.frombuffer(file.readframes(5), '<i2'), samples)
