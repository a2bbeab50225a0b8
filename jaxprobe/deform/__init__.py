"""Wave -> wave: what can happen to audio before an encoder hears it.

Conventions
-----------
A deformation changes an item as it is decoded: its mono mix at the rate of its own file, before
it is resampled for an encoder and cut into windows (mir_ref deforms what `librosa.load(sr=None)`
returns). So every encoder hears the same deformed sound, whatever rate it works at. Samples are
float32 [S]; they may exceed 1, nothing is clipped unless that is what is asked for. Random
deformations draw from (root seed, deformation, clip), never from the order of work; one clip has
the same noise at every severity, so that along a severity axis nothing else varies.
"""
