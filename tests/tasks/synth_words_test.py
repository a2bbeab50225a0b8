from jaxprobe.tasks import synth_sound, synth_words


def test_every_instrument_can_be_played():
    assert set(synth_words.INSTRUMENTS) == set(synth_sound.INSTRUMENTS) - {'drone'}


def test_tags_are_in_order_and_unique():
    assert list(synth_words.TAGS) == sorted(set(synth_words.TAGS))


def test_folder_names_version_and_seed():
    assert synth_words.folder('notes', 3) == f'synth/notes-v{synth_words.VERSION}-s3'
