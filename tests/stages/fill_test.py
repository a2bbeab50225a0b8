import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.audio.decode import AudioError
from jaxprobe.core import records
from jaxprobe.features import manifest, writer
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import Clip
from jaxprobe.stages import fill
from jaxprobe.stages.encode import Encoding
from jaxprobe.stages.fill import Job
from tests.features import store_case

SPEC = store_case.spec()


@pytest.fixture
def jobs(tmp_path):
    """Two shards: clips of 1, 3 and 2 windows with a bad one among them, and one of 5."""
    clips = store_case.write_clips(tmp_path / 'audio', [0.6, 1.6, 1.0, 2.5])
    clips.insert(1, Clip(tmp_path / 'audio' / 'none.wav'))
    shards = [0, 0, 0, 0, 4]
    return [Job(s, Planned(f'k{i}', 1.0 + i), c) for i, (s, c) in enumerate(zip(shards, clips))]


def test_decoded_keeps_the_order_and_hands_errors_over(jobs):
    found = list(fill.decoded(jobs, SPEC, 2))
    assert [job for job, _ in found] == jobs
    assert isinstance(found[1][1], AudioError)
    assert [len(item.starts) for _, item in found if not isinstance(item, AudioError)] == [
        1,
        3,
        2,
        5,
    ]


def test_fill_writes_shards_with_their_sidecars(jobs, tmp_path):
    encoding = Encoding(store_case.encoder(), SPEC, jax.local_devices()[:1])
    progress = []
    written = list(fill.fill(tmp_path, SPEC, encoding, jobs, 2, progress.append))
    assert [index for index, _ in written] == [0, 4]
    assert [len(entry.sound) for entry in written[0][1]] == [32, 0, 32, 32]
    assert len({entry.sound for entry in written[0][1]}) == 4
    assert [entry._replace(sound='') for entry in written[0][1]] == [
        Entry('k0', 1, 0, 0),
        Entry('k1', 0, 0, 0, 'missing'),
        Entry('k2', 3, 0, 0),
        Entry('k3', 2, 0, 0),
    ]
    assert sum(progress) == pytest.approx(1 + 2 + 3 + 4 + 5)
    sidecar = manifest.read_sidecar(tmp_path, 0)
    assert sidecar
    assert sidecar.clips == tuple(written[0][1])
    with records.ShardReader(manifest.shard_path(tmp_path, 0), 6) as reader:
        rows = [records.decode(record) for record in reader.read(range(6))]
    assert [(row['key'][0], row['window'][0]) for row in rows] == [
        (b'k0', 0),
        (b'k2', 0),
        (b'k2', 1),
        (b'k2', 2),
        (b'k3', 0),
        (b'k3', 1),
    ]
    assert [row['start'][0] for row in rows] == [0, 0, 0.5, 1.0, 0, 0.5]


def test_the_device_has_work_while_a_shard_is_closed(jobs, tmp_path, monkeypatch):
    """The next shard's first batch is started before this one's file is renamed."""
    events = []
    start, shard = Encoding.start, writer.shard

    def started(self, wave, rows):
        events.append(f'start {len(rows)}')
        yield from start(self, wave, rows)

    @contextlib.contextmanager
    def closed(store, index):
        with shard(store, index) as filling:
            yield filling
        events.append(f'closed {index}')

    monkeypatch.setattr(Encoding, 'start', started)
    monkeypatch.setattr(writer, 'shard', closed)
    encoding = Encoding(store_case.encoder(), SPEC, jax.local_devices()[:1])
    list(fill.fill(tmp_path, SPEC, encoding, jobs, 2, lambda seconds: None))
    assert events == ['start 4', 'start 2', 'start 4', 'start 1', 'closed 0', 'closed 4']


def test_shards_without_a_usable_clip_are_written_in_their_turn(jobs, tmp_path):
    bad = Clip(tmp_path / 'none.wav')
    order = [
        *jobs[2:4],
        Job(1, Planned('b0', 1.0), bad),
        Job(1, Planned('b1', 1.0), bad),
        *jobs[4:],
        Job(5, Planned('b2', 1.0), bad),
    ]
    encoding = Encoding(store_case.encoder(), SPEC, jax.local_devices()[:1])
    written = list(fill.fill(tmp_path, SPEC, encoding, order, 2, lambda seconds: None))
    counts = {index: [entry.windows for entry in entries] for index, entries in written}
    assert counts == {0: [3, 2], 1: [0, 0], 4: [5], 5: [0]}
    for index, windows in counts.items():
        sidecar = manifest.read_sidecar(tmp_path, index)
        assert sidecar
        assert sidecar.records == sum(windows)


def test_a_clip_with_nan_embeddings_is_marked(jobs, tmp_path):
    encoder = store_case.encoder()

    def broken(params, wave):
        layers = encoder.encode(params, wave)
        loud = jnp.sqrt(0.29 - jnp.abs(wave[:, :8]).max(axis=1))  # NaN for louder windows.
        return tuple(layer + 0 * loud[:, None, None] for layer in layers)

    encoding = Encoding(encoder._replace(encode=broken), SPEC, jax.local_devices()[:1])
    ((_, entries),) = fill.fill(tmp_path, SPEC, encoding, jobs[:4], 1, lambda seconds: None)
    assert {entry.failed for entry in entries} == {'', 'missing', 'encoder_not_finite'}


def test_closing_half_way_leaves_whole_shards_only(jobs, tmp_path):
    encoding = Encoding(store_case.encoder(), SPEC, jax.local_devices()[:1])
    shards = fill.fill(tmp_path, SPEC, encoding, jobs, 2, lambda seconds: None)
    next(shards)
    shards.close()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        'windows-train.array_record-00000',
        'windows-train.array_record-00000.json',
    ]


def test_deformed_clips_draw_by_their_keys_not_by_their_order(jobs):
    spec = store_case.spec(deformation='noise:10', deformation_seed=3, deformation_version='1')

    def waves(jobs, spec):
        found = fill.decoded(jobs, spec, 2)
        return {
            job.planned.key: item.samples for job, item in found if not isinstance(item, AudioError)
        }

    clean, noisy = waves(jobs, SPEC), waves(jobs, spec)
    other = waves(jobs, store_case.spec(deformation='noise:10', deformation_seed=4))
    back = waves(jobs[::-1], spec)
    assert list(clean) == list(noisy) == ['k0', 'k2', 'k3', 'k4']
    for key, wave in clean.items():
        noise = noisy[key] - wave
        ratio = 10 * np.log10(np.mean(wave.astype(float) ** 2) / np.mean(noise.astype(float) ** 2))
        assert ratio == pytest.approx(10, abs=0.01)
        np.testing.assert_array_equal(noisy[key], back[key])
        assert not np.array_equal(noisy[key], other[key])
    assert not np.array_equal(
        (noisy['k2'] - clean['k2'])[:4000], (noisy['k3'] - clean['k3'])[:4000]
    )
