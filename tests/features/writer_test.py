import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from jaxprobe.core import records
from jaxprobe.features import manifest, writer
from jaxprobe.features.manifest import Entry
from tests.features import store_case

ROOT = Path(__file__).resolve().parents[2]


def _store(folder, dtype, lengths=(3, 2)):
    spec = store_case.spec(store_dtype=dtype)
    kind = np.dtype(ml_dtypes.bfloat16) if dtype == 'bfloat16' else np.dtype(np.float32)
    rng = np.random.default_rng(0)
    rows = []
    for index, length in enumerate(lengths):
        if not length:
            continue
        with writer.shard(folder, index) as shard:
            for window in range(length):
                groups = {
                    width: rng.standard_normal((len(layers), width)).astype(kind)
                    for width, layers in spec.groups.items()
                }
                rows.append((f'clip{index}', window, groups))
                shard.write(writer.record(f'clip{index}', window, window / 2, index > 0, groups))
            shard.entries.append(Entry(f'clip{index}', length, length * index, 0))
    writer.write_tfds(folder, spec, list(lengths), 12345)
    return rows


def test_a_record_holds_its_fields():
    groups = {8: np.ones((2, 8), np.float32), 4: np.zeros((1, 4), np.float32)}
    fields = records.decode(writer.record('k', 3, 1.5, True, groups))
    assert fields == {
        'key': [b'k'],
        'window': [3],
        'start': [1.5],
        'padded': [1],
        'embeddings_d8': [np.ones(16, np.float32).tobytes()],
        'embeddings_d4': [bytes(16)],
    }


def test_a_shard_that_fails_has_no_sidecar(tmp_path):
    with pytest.raises(RuntimeError, match='encoder'), writer.shard(tmp_path, 0) as shard:
        shard.write(b'x')
        raise RuntimeError('encoder')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('lengths', [(3, 2), (3, 0, 2)])
def test_tfds_reads_the_directory(tmp_path, dtype, lengths):
    """Also with a shard in the middle that is planned and not there."""
    import tensorflow_datasets as tfds

    rows = _store(tmp_path, dtype, lengths)
    source = tfds.builder_from_directory(tmp_path).as_data_source('train')
    assert len(source) == 5
    for found, (key, window, groups) in zip(source, rows, strict=True):
        assert found['key'] == key.encode()
        assert (found['window'], found['start']) == (window, window / 2)
        assert bool(found['padded']) == (key != 'clip0')
        for width, values in groups.items():
            assert found[f'embeddings_d{width}'].dtype == values.dtype
            np.testing.assert_array_equal(found[f'embeddings_d{width}'], values)


def test_tfds_needs_no_tensorflow(tmp_path):
    _store(tmp_path, 'bfloat16')
    code = (
        'import sys, ml_dtypes, tensorflow_datasets as tfds;'
        f'source = tfds.builder_from_directory({str(tmp_path)!r}).as_data_source("train");'
        'print(len(source), source[4]["embeddings_d8"].shape, "tensorflow" in sys.modules)'
    )
    run = [sys.executable, '-c', code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split('\n')[0] == '5 (2, 8) False'


def test_equal_stores_are_equal_bytes(tmp_path):
    _store(tmp_path / 'a', 'float32')
    _store(tmp_path / 'b', 'float32')
    assert store_case.files(tmp_path / 'a') == store_case.files(tmp_path / 'b')
    sidecar = manifest.read_sidecar(tmp_path / 'a', 1)
    assert sidecar
    assert sidecar.records == 2
