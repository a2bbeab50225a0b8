import hashlib

import numpy as np

from jaxprobe.tasks import synth_stem_sound


def test_a_clip_is_the_same_everywhere():
    found = synth_stem_sound.stems(synth_stem_sound.clip_of(0, 'train', 0))
    again = synth_stem_sound.stems(synth_stem_sound.clip_of(0, 'train', 0))
    np.testing.assert_array_equal(found, again)
    assert not np.array_equal(
        found, synth_stem_sound.stems(synth_stem_sound.clip_of(1, 'train', 0))
    )
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == 'c97695b70321e8a0'
