import numpy as np

from jaxprobe.encoders.jukebox import conditioning
from jaxprobe.encoders.jukebox.architecture import Architecture


def test_a_song_of_62_seconds():
    assert conditioning.SONG_SAMPLES == 2734080


def test_rows_of_the_published_model():
    """A clip of 23.8 s in a song of 62 s, on scales of 600 s and of the song."""
    rows = conditioning.bins(Architecture())
    assert rows.total == 0  # 62 s, where 60 s to 600 s are divided into 128.
    assert np.unique(rows.absolute).tolist() == list(range(6))
    assert np.unique(rows.relative).tolist() == list(range(50))
    assert (np.diff(rows.absolute) >= 0).all()
    assert rows.absolute[0] == rows.relative[0] == 0


def test_rows_change_where_the_float32_of_the_reference_says():
    """Row k begins at the first token beyond k / 128 of the song."""
    rows = conditioning.bins(Architecture())
    places = np.arange(8192) * 128
    exact = np.floor(128 * places / conditioning.SONG_SAMPLES).astype(int)
    assert np.mean(rows.relative == exact) > 0.999


def test_labels_are_sums_of_rows():
    a = Architecture(n_ctx=16, blocks=4)
    tables = [10.0**power * np.arange(128.0)[:, None].repeat(2, 1) for power in (6, 3, 0)]
    made = conditioning.labels(a, *(table.astype(np.float32) for table in tables))
    rows = conditioning.bins(a)
    expected = 1e6 * rows.total + 1e3 * rows.absolute + rows.relative
    np.testing.assert_array_equal(made, np.stack([expected, expected], axis=1))


def test_the_unknown_artist_and_genre_are_the_first_rows():
    artist, genre = np.array([[1.0], [2]], np.float32), np.array([[10.0], [20]], np.float32)
    np.testing.assert_array_equal(conditioning.start(artist, genre), [11.0])
