import numpy as np
import pytest

from jaxprobe.core.errors import StoreError
from jaxprobe.features import frames
from jaxprobe.features.reader import RowReader
from jaxprobe.stages.extract import extract
from tests.features import store_case

FRAMES = 5  # Per window of 0.5 s; the encoder makes 10, its last layer 5.


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('frames')
    clips = store_case.write_clips(folder / 'audio', [1.6, 0.9, 2.1])
    spec = store_case.spec(frames=FRAMES)
    extract(store_case.encoder(), spec, clips, folder / 'stores', shard_minutes=2 / 60)
    return clips, spec.path(folder / 'stores')


def direct(clip):
    """Frames of one clip by numpy alone, through the same encoder."""
    import soundfile

    wave = soundfile.read(clip.path, dtype='float32')[0]
    n = len(wave) // store_case.WINDOW
    windows = wave[: n * store_case.WINDOW].reshape(n, -1)
    encoder = store_case.encoder()
    rms, bands, top = (np.asarray(x) for x in encoder.encode(encoder.params, windows))
    halves = [x.reshape(n, FRAMES, 2, -1).mean(2) for x in (rms, bands)]
    return {
        8: np.stack(halves, 2).reshape(n * FRAMES, 2, 8),
        4: top.reshape(n * FRAMES, 1, 4),
    }


def test_frames_are_those_of_the_encoder(made):
    clips, store = made
    with RowReader(store, clips) as windows:
        reader = frames.FrameReader(windows)
        assert reader.rows == FRAMES * windows.rows == 40
        groups = reader.read(np.arange(reader.rows))
        for width, array in groups.items():
            expected = np.concatenate([direct(clip)[width] for clip in clips])
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)


def test_any_order_and_chunks_give_the_same(made):
    clips, store = made
    wanted = [np.array([39, 0, 7, 7, 22]), np.arange(3, 12), np.array([11])]
    with RowReader(store, clips) as windows:
        reader = frames.FrameReader(windows)
        whole = reader.read(np.arange(reader.rows))
        for rows, groups in zip(wanted, reader.prefetched(wanted), strict=True):
            for width, array in groups.items():
                np.testing.assert_array_equal(array, whole[width][rows])
                np.testing.assert_array_equal(reader.read(rows)[width], array)


def test_a_store_of_means_has_no_frames(tmp_path):
    clips = store_case.write_clips(tmp_path / 'audio', [1.0])
    extract(store_case.encoder(), store_case.spec(), clips, tmp_path / 'stores')
    with (
        RowReader(store_case.spec().path(tmp_path / 'stores'), clips) as windows,
        pytest.raises(StoreError, match='not frames'),
    ):
        frames.FrameReader(windows)


def test_frames_are_a_tfds_data_set(made):
    tfds = pytest.importorskip('tensorflow_datasets')
    clips, store = made
    source = tfds.builder_from_directory(str(store)).as_data_source(split='train')
    with RowReader(store, clips) as windows:
        assert source[0]['embeddings_d8'].shape == (FRAMES, 2, 8)
        ours = windows.read(np.arange(len(source)))[4]
    found = np.stack([source[i]['embeddings_d4'] for i in range(len(source))])
    np.testing.assert_array_equal(found, ours)
