import gc
import os
import shutil
import tracemalloc

import jax
import numpy as np
import pytest
import soundfile

from jaxprobe.audio import decode
from jaxprobe.core.errors import ConfigError, DataError, StoreError
from jaxprobe.features import manifest, reader
from jaxprobe.features.spec import Clip
from jaxprobe.stages import extract as stage
from tests.features import store_case

LENGTHS = [0.2, 1.0, 1.7, 3.2, 0.6, 2.5, 0.9, 1.4]
SPEC = store_case.spec()


def _extract(clips, folder, spec=SPEC, **changes):
    options = {'shard_minutes': 3 / 60, 'threads': 2} | changes
    return stage.extract(store_case.encoder(), spec, clips, folder / 'stores', **options)


def _files(folder, spec=SPEC):
    return store_case.files(spec.path(folder / 'stores'))


def _counting(encoder):
    """The encoder, and the list that grows with every real (not padding) window it is given."""
    seen = []

    def encode(params, wave):
        jax.debug.callback(lambda w: seen.extend(np.abs(w).max(axis=1) > 0), wave)
        return encoder.encode(params, wave)

    return encoder._replace(encode=encode), seen


def test_the_report_counts(tmp_path):
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    soundfile.write(tmp_path / 'a' / 'silent.wav', np.zeros(8000, np.float32), 8000)
    clips.append(Clip(tmp_path / 'a' / 'silent.wav'))
    progress = []
    report = _extract(clips, tmp_path, progress=lambda *at: progress.append(at))
    assert report.clips == 9
    assert report.windows == 1 + 2 + 3 + 6 + 1 + 5 + 1 + 2 + 2
    assert (report.padded, report.silent, report.failed) == (1, 2, {})
    assert report.encoded_clips == 9
    assert report.encoded_seconds == pytest.approx(sum(LENGTHS) + 1)
    assert progress[-1] == pytest.approx((sum(LENGTHS) + 1,) * 2)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


def test_nothing_is_encoded_twice(tmp_path):
    """Not under another name, not in another place, not twice in one request."""
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    _extract(clips, tmp_path)
    before = _files(tmp_path)
    shutil.move(tmp_path / 'a', tmp_path / 'b')
    moved = [Clip(tmp_path / 'b' / f'{7 - i:03d}.wav') for i in range(8)]
    report = _extract(moved + moved, tmp_path)
    assert (report.shards, report.encoded_clips, report.clips) == (0, 0, 8)
    assert _files(tmp_path) == before


def test_a_store_grows_without_encoding_again(tmp_path):
    old = store_case.write_clips(tmp_path / 'a', LENGTHS)
    _extract(old, tmp_path)
    before = _files(tmp_path)
    new = store_case.write_clips(tmp_path / 'a', [2.0, 1.5], first=50)
    encoder, seen = _counting(store_case.encoder())
    report = stage.extract(
        encoder, SPEC, [*new[:1], *old, *new[1:]], tmp_path / 'stores', shard_minutes=3 / 60
    )
    jax.effects_barrier()
    assert report.encoded_clips == 2
    assert sum(seen) == 4 + 3
    after = _files(tmp_path)
    shards = [name for name in before if name.startswith('windows-')]
    assert {name: after[name] for name in shards} == {name: before[name] for name in shards}
    assert reader.load(SPEC.path(tmp_path / 'stores'), old + new).count.sum() == 21 + 7


@pytest.mark.parametrize(('hop', 'batch', 'shards'), [(0.5, 4, 2), (400.0, 9, 1)])
def test_shards_are_long_enough_for_their_batches(tmp_path, hop, batch, shards):
    """Half an hour; more where a half empty last batch would be a large part of that."""
    clips = store_case.write_clips(tmp_path / 'a', [0.6, 0.5])
    samples = round(hop * store_case.RATE)
    # Each clip counts as a window of 1800 s at least.
    spec = store_case.spec(
        window_samples=1800 * store_case.RATE, hop_samples=samples, batch_windows=batch
    )
    store = spec.path(tmp_path / 'stores')
    stage._plan(store, spec, stage._request(clips, tmp_path / 'stores', 1), 1, 'stop', 0.0)
    assert len(manifest.read_manifest(store)) == shards


def test_segments_of_one_file_are_clips_of_their_own(tmp_path):
    (clip,) = store_case.write_clips(tmp_path / 'a', [3.0])
    parts = [Clip(clip.path, i / 2, 0.5) for i in range(6)]
    _extract([clip, *parts], tmp_path)
    windows = reader.load(SPEC.path(tmp_path / 'stores'), [clip, *parts])
    assert windows.count.tolist() == [6] + [1] * 6
    np.testing.assert_allclose(windows.groups[8][:6], windows.groups[8][6:], rtol=1e-6)


@pytest.mark.parametrize('batch', [1, 3, 64])
def test_batch_size_does_not_matter_beyond_rounding(tmp_path, batch):
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    other = store_case.spec(batch_windows=batch)
    _extract(clips, tmp_path)
    _extract(clips, tmp_path, other)
    a = reader.load(SPEC.path(tmp_path / 'stores'), clips)
    b = reader.load(other.path(tmp_path / 'stores'), clips)
    np.testing.assert_allclose(a.groups[8], b.groups[8], rtol=1e-5, atol=1e-6)
    assert a.count.tolist() == b.count.tolist()


@pytest.mark.parametrize('threads', [1, 5])
def test_threads_and_devices_do_not_change_a_byte(tmp_path, threads):
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    _extract(clips, tmp_path / 'one', threads=2, devices=jax.local_devices()[:1])
    _extract(clips, tmp_path / 'two', threads=threads, devices=jax.local_devices())
    assert len(jax.local_devices()) > 1
    assert _files(tmp_path / 'one') == _files(tmp_path / 'two')


def _with_bad(folder):
    """Good clips and one of every way to be bad; name of the bad -> reason."""
    clips = store_case.write_clips(folder, LENGTHS)
    for name, ending in (('cut_wav', 'wav'), ('cut_flac', 'flac'), ('cut_ogg', 'ogg')):
        path = folder / f'{name}.{ending}'
        soundfile.write(path, store_case.wave(9, 2.0), store_case.RATE)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        clips.insert(3, Clip(path))
    (folder / 'empty.wav').touch()
    (folder / 'text.wav').write_text('not audio at all')
    soundfile.write(folder / 'tiny.wav', store_case.wave(5, 0.01), store_case.RATE)
    clips += [Clip(folder / f'{name}.wav') for name in ('empty', 'text', 'none', 'tiny')]
    clips.append(Clip(clips[0].path, 7.5))
    return clips, {
        'cut_wav.wav': 'truncated',
        'cut_flac.flac': 'truncated',
        'cut_ogg.ogg': 'truncated',
        'empty.wav': 'empty',
        'text.wav': 'not_audio',
        'none.wav': 'missing',
        'tiny.wav': 'too_short',
        '000.wav [7.5.. s]': 'past_end',
    }


BAD_SPEC = store_case.spec(min_samples=400)


def test_quarantine_records_every_reason_and_goes_on(tmp_path):
    clips, bad = _with_bad(tmp_path / 'a')
    report = _extract(clips, tmp_path, BAD_SPEC, on_error='quarantine')
    assert {os.path.basename(name): why for name, why in report.failed.items()} == bad
    windows = reader.load(BAD_SPEC.path(tmp_path / 'stores'), clips)
    assert {os.path.basename(str(clips[i])): why for i, why in windows.failed.items()} == bad
    assert windows.count.sum() == report.windows == 21
    assert _extract(clips, tmp_path, BAD_SPEC, on_error='quarantine').shards == 0


def test_stop_lists_all_of_them_at_once(tmp_path):
    clips, bad = _with_bad(tmp_path / 'a')
    with pytest.raises(DataError, match='8 of 16 clips cannot be used') as caught:
        _extract(clips, tmp_path, BAD_SPEC)
    for name, reason in bad.items():
        assert f'{name}: {reason} (' in str(caught.value)
    assert 'on_error=quarantine' in str(caught.value)
    assert not (BAD_SPEC.path(tmp_path / 'stores') / manifest.MANIFEST).exists()


def test_stop_after_a_truncated_file_keeps_what_is_done(tmp_path):
    """No header shows a cut flac: it is met half way, and the rest is checked without encoding."""
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    for at in (4, 6):
        path = clips[at].path.with_suffix('.flac')
        soundfile.write(path, store_case.wave(at, 2.0), store_case.RATE)
        path.write_bytes(path.read_bytes()[:-20000])
        clips[at] = Clip(path)
    with pytest.raises(DataError, match='2 of 8 clips') as caught:
        _extract(clips, tmp_path, shard_minutes=2 / 60)
    assert '004.flac: truncated' in str(caught.value)
    assert '006.flac: truncated' in str(caught.value)
    kept = _files(tmp_path)
    shards = {n: d for n, d in kept.items() if n.startswith('windows-')}
    assert len(shards) >= 4
    with pytest.raises(DataError, match='2 of 8 clips'):
        _extract(clips, tmp_path, shard_minutes=2 / 60)
    report = _extract(clips, tmp_path, shard_minutes=2 / 60, on_error='quarantine')
    assert len(report.failed) == 2
    assert {n: d for n, d in _files(tmp_path).items() if n in shards} == shards
    _extract(clips, tmp_path / 'other', shard_minutes=2 / 60, on_error='quarantine')
    assert _files(tmp_path) == _files(tmp_path / 'other')


def test_a_mended_file_is_encoded(tmp_path):
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    good = clips[2].path.read_bytes()
    clips[2].path.write_bytes(good[:100])
    _extract(clips, tmp_path, on_error='quarantine')
    clips[2].path.write_bytes(good)
    report = _extract(clips, tmp_path)
    assert (report.failed, report.encoded_clips) == ({}, 1)


def test_a_long_list_is_cut_at_twenty(tmp_path):
    clips = [Clip(tmp_path / f'{i:02d}.wav') for i in range(30)]
    with pytest.raises(DataError, match='30 of 30 clips') as caught:
        _extract(clips, tmp_path)
    assert '19.wav' in str(caught.value)
    assert '20.wav' not in str(caught.value)
    assert 'and 10 more' in str(caught.value)


def test_nothing_to_do_is_fine(tmp_path):
    assert _extract([], tmp_path).clips == 0


def test_a_foreign_store_is_refused(tmp_path):
    clips = store_case.write_clips(tmp_path / 'a', [1.0])
    _extract(clips, tmp_path)
    other = store_case.spec(tail='overlap')
    os.rename(SPEC.path(tmp_path / 'stores'), other.path(tmp_path / 'stores'))
    with pytest.raises(StoreError, match='made with other settings'):
        _extract(clips, tmp_path, other)


def test_a_store_in_use_is_refused(tmp_path):
    clips = store_case.write_clips(tmp_path / 'a', [1.0])
    with (
        manifest.locked(SPEC.path(tmp_path / 'stores')),
        pytest.raises(StoreError, match='another process is writing'),
    ):
        _extract(clips, tmp_path)


def test_litter_of_killed_processes_is_swept(tmp_path):
    clips = store_case.write_clips(tmp_path / 'a', [1.0])
    litter = SPEC.path(tmp_path / 'stores') / 'windows-train.array_record-00000.tmp-999999999'
    litter.parent.mkdir(parents=True)
    litter.write_bytes(b'x')
    _extract(clips, tmp_path)
    assert not litter.exists()


def test_another_encoder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='not the one of the store'):
        _extract([], tmp_path, store_case.spec(weights_sha256='other'))
    with pytest.raises(ConfigError, match='on_error'):
        _extract([], tmp_path, on_error='ignore')


def test_memory_does_not_grow_with_the_data(tmp_path):
    """Peak of Python's and numpy's allocations, over 4 and over 40 clips of 8 s."""
    clips = store_case.write_clips(tmp_path / 'a', [8.0] * 40)
    _extract(clips[:2], tmp_path / 'warm')

    def peak(count, name):
        gc.collect()
        tracemalloc.start()
        _extract(clips[:count], tmp_path / name, shard_minutes=0.5, threads=1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(4, 'few'), peak(40, 'many')
    audio = 36 * 8 * store_case.RATE * 4
    assert many - few < audio / 10, (few, many)


def test_a_disk_error_stops_the_run_and_is_tried_again(tmp_path, monkeypatch):
    """What may be a matter of the moment is not forgotten in the run in which it happens."""
    clips = store_case.write_clips(tmp_path / 'a', LENGTHS)
    read = decode.read

    def flaky(path, *arguments, **options):
        if path == clips[3].path:
            raise OSError(5, 'Input/output error')
        return read(path, *arguments, **options)

    with monkeypatch.context() as broken:
        broken.setattr(decode, 'read', flaky)
        with pytest.raises(DataError, match='1 of 8 clips'):
            _extract(clips, tmp_path, shard_minutes=2 / 60)
    report = _extract(clips, tmp_path, shard_minutes=2 / 60)
    assert not report.failed
    assert reader.failures(store_case.spec().path(tmp_path / 'stores'), clips) == {}
