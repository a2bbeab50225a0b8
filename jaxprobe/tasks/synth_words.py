"""Names and numbers of the synthetic collections that cards need; imports nothing."""

VERSION = 1  # Raised whenever a clip's audio or facts change.
SECONDS = 3.1  # A little over 3 s, so that every resampler leaves a whole 3 s window.

PITCH_CLASSES = ('C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B')
INSTRUMENTS = ('organ', 'flute', 'reed', 'brass', 'string', 'pluck', 'mallet', 'keys')
TAGS = (
    'arpeggio', 'bass', 'bright', 'chords', 'fast', 'high', 'minor', 'noisy', 'percussion',
    'reverb', 'slow', 'staccato', 'vibrato',
)  # fmt: skip
MOODS = ('arousal', 'valence')
BEATS = ('beat', 'downbeat')
SECTIONS = ('verse', 'chorus', 'bridge', 'break')
STEMS = ('lead', 'chords', 'bass', 'drums')

GROOVE_SECONDS, SONG_SECONDS = 12.0, 24.0

COLLECTIONS = {
    'notes': 'single notes by eight instruments over a drone',
    'phrases': 'phrases with melody, chords, bass and percussion in 24 keys',
    'grooves': 'drums and chords in time',
    'songs': 'songs of four sections',
}


def folder(collection: str, seed: int) -> str:
    """Where a collection lives below the data directory."""
    return f'synth/{collection}-v{VERSION}-s{seed}'
