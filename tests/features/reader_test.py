import numpy as np
import pytest

from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest, reader
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import Clip
from jaxprobe.stages.extract import extract
from tests.features import store_case

LENGTHS = [0.2, 1.0, 1.7, 3.2, 0.6, 2.5, 0.9]


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A store of seven clips in several shards, one of them of audio that cannot be read."""
    folder = tmp_path_factory.mktemp('made')
    clips = store_case.write_clips(folder / 'audio', LENGTHS)
    clips.insert(3, Clip(folder / 'audio' / 'text.wav'))
    clips[3].path.write_text('no audio')
    extract(
        store_case.encoder(),
        store_case.spec(),
        clips,
        folder / 'stores',
        on_error='quarantine',
        shard_minutes=3 / 60,
    )
    return clips, store_case.spec().path(folder / 'stores')


@pytest.fixture
def copied(made, tmp_path):
    """The same store, to be damaged."""
    import shutil

    store = tmp_path / made[1].name
    shutil.copytree(made[1], store)
    return made[0], store


def _direct(clip):
    """Window means of one clip by numpy alone, through the same encoder."""
    import soundfile

    encoder = store_case.encoder()
    wave = soundfile.read(clip.path, dtype='float32')[0]
    if len(wave) < store_case.WINDOW:
        wave = np.resize(wave, store_case.WINDOW)
    n = len(wave) // store_case.WINDOW
    windows = wave[: n * store_case.WINDOW].reshape(n, -1)
    rms, bands, top = (np.asarray(x).mean(1) for x in encoder.encode(encoder.params, windows))
    return {8: np.stack([rms, bands], 1), 4: top[:, None]}


def test_load_gives_what_the_encoder_gives(made):
    clips, store = made
    windows = reader.load(store, clips)
    assert windows.count.tolist() == [1, 2, 3, 0, 6, 1, 5, 1]
    assert windows.first.tolist() == [0, 1, 3, 6, 6, 12, 13, 18]
    assert windows.padded.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    with reader.RowReader(store, clips) as rows:
        np.testing.assert_allclose(rows.seconds, [*LENGTHS[:3], 0.0, *LENGTHS[3:]], atol=1e-3)
    assert windows.silent.sum() == 0
    assert windows.failed == {3: 'not_audio'}
    assert {d: g.shape for d, g in windows.groups.items()} == {8: (19, 2, 8), 4: (19, 1, 4)}
    for i, clip in enumerate(clips):
        if i not in windows.failed:
            rows = slice(windows.first[i], windows.first[i] + windows.count[i])
            for width, expected in _direct(clip).items():
                np.testing.assert_allclose(
                    windows.groups[width][rows], expected, rtol=2e-5, atol=1e-6
                )


def test_any_order_and_repeats_of_clips(made):
    clips, store = made
    order = [6, 0, 4, 4, 2]
    whole, part = reader.load(store, clips), reader.load(store, [clips[i] for i in order])
    for at, i in enumerate(order):
        for width in (8, 4):
            np.testing.assert_array_equal(
                part.groups[width][part.first[at] : part.first[at] + part.count[at]],
                whole.groups[width][whole.first[i] : whole.first[i] + whole.count[i]],
            )


def test_rows_equal_the_whole(made):
    clips, store = made
    whole = reader.load(store, clips).groups
    with reader.RowReader(store, clips) as rows:
        assert rows.rows == 19
        wanted = np.random.default_rng(0).permutation(19)[:11]
        wanted[3] = wanted[0]
        for width, values in rows.read(wanted).items():
            np.testing.assert_array_equal(values, whole[width][wanted])
        chunks = [wanted[:4], wanted[4:5], np.zeros(0, np.int64), wanted[5:]]
        read = list(rows.prefetched(chunks))
        assert len(read) == len(chunks)
        for chunk, groups in zip(chunks, read):
            np.testing.assert_array_equal(groups[8], whole[8][chunk])


@pytest.mark.parametrize('row', [-1, 19])
def test_no_such_row(made, row):
    with reader.RowReader(made[1], made[0]) as rows, pytest.raises(IndexError, match='of 19'):
        rows.read(np.array([0, row]))


def test_failures(made):
    clips, store = made
    gone = Clip(clips[0].path.with_name('gone.wav'))
    assert reader.failures(store, [gone, clips[3], clips[0]]) == {0: 'missing', 1: 'not_audio'}


def test_audio_the_store_has_never_seen(made, tmp_path):
    clips, store = made
    other = store_case.write_clips(tmp_path, [1.0], first=99)
    with pytest.raises(
        StoreError, match=r'no embeddings of 1 of 9 clips(?s:.*)099\.wav(?s:.*)extract'
    ):
        reader.load(store, [*clips, *other])


def test_no_store(tmp_path):
    with pytest.raises(StoreError, match='run the extract stage first'):
        reader.load(tmp_path / 'none', [])


def test_verify_counts(made):
    assert reader.verify(made[1]) == {
        'shards': 4,
        'records': 19,
        'bytes': sum(p.stat().st_size for p in made[1].glob('*-0????')),
        'planned': 0,
    }


@pytest.mark.parametrize('how', ['truncate', 'empty', 'shorten'])
def test_a_cut_shard_is_one_clear_error(copied, how):
    clips, store = copied
    path = manifest.shard_path(store, 1)
    data = path.read_bytes()
    path.write_bytes({'truncate': data[: len(data) // 2], 'empty': b'', 'shorten': data[:-1]}[how])
    for function in (lambda: reader.load(store, clips), lambda: reader.verify(store)):
        with pytest.raises(
            StoreError, match=r'00001 is damaged.*Delete that file.*this shard alone'
        ):
            function()


def test_a_flipped_bit_is_one_clear_error(copied):
    clips, store = copied
    path = manifest.shard_path(store, 1)
    data = bytearray(path.read_bytes())
    at = data.index(b'embeddings_d8')
    data[at + 40] ^= 4
    path.write_bytes(data)
    with pytest.raises(StoreError, match='00001 is damaged: a record cannot be read'):
        reader.load(store, clips)
    with pytest.raises(StoreError, match='00001 is damaged: its checksum'):
        reader.verify(store)


def test_the_deleted_shard_alone_is_encoded_again(copied):
    """What the errors advise works, and restores the same bytes."""
    clips, store = copied
    before = store_case.files(store)
    path = manifest.shard_path(store, 1)
    path.unlink()
    with pytest.raises(StoreError, match='no embeddings'):
        reader.load(store, clips)
    assert reader.verify(store)['planned'] == 1
    report = extract(
        store_case.encoder(),
        store_case.spec(),
        clips,
        store.parent,
        on_error='quarantine',
        shard_minutes=3 / 60,
    )
    assert report.shards == 1
    assert store_case.files(store) == before


def test_a_bfloat16_store_is_read_as_float32(made, tmp_path):
    clips = made[0][:3]
    spec = store_case.spec(store_dtype='bfloat16')
    extract(store_case.encoder(), spec, clips, tmp_path)
    exact, rounded = reader.load(made[1], clips), reader.load(spec.path(tmp_path), clips)
    for width in (8, 4):
        assert rounded.groups[width].dtype == np.float32
        np.testing.assert_allclose(rounded.groups[width], exact.groups[width], rtol=2**-8)
        assert (rounded.groups[width] != exact.groups[width]).any()


def test_more_shards_than_files_may_be_open(made):
    clips, store = made
    whole = reader.load(store, clips).groups[8]
    with reader.RowReader(store, clips) as rows:
        assert len({int(shard) for shard in rows._shard}) > 2
        rows._most_open = 2
        for order in (np.arange(rows.rows), np.arange(rows.rows)[::-1]):
            np.testing.assert_array_equal(rows.read(order)[8], whole[order])
            assert len(rows._open) == 2


def test_clips_may_be_given_by_their_keys(made):
    """So that what was read can be read again where the audio is not."""
    clips, store = made
    keys = keys_of(clips, store.parent).keys
    with reader.RowReader(store, clips) as rows, reader.RowReader(store, keys) as same:
        assert same.count.tolist() == rows.count.tolist()
        assert same.failed.keys() == rows.failed.keys()
        every = np.arange(rows.rows)
        for width, wanted in rows.read(every).items():
            np.testing.assert_array_equal(same.read(every)[width], wanted)
    with pytest.raises(StoreError, match='no embeddings of 1 of 1'):
        reader.RowReader(store, ['0' * 32])
