"""The axis letters used in every shape annotation and docstring of the project.

Annotations read `Float[np.ndarray, 'B L T D']`; the test run checks them (jaxtyping and
beartype), production does not pay for them.
"""

AXES = {
    'P': 'cells: one probe each, (source, learning rate, head, seed)',
    'N': 'items of a split',
    'R': 'rows: windows of the items of one batch, or of a whole split',
    'B': 'windows that go through the encoder at once',
    'S': 'samples of one window',
    'T': 'frames',
    'L': 'layers',
    'D': 'width of a layer',
    'C': 'outputs: classes, tags or regression targets',
}
