"""Scores, one module per kind of target, in the mould of mir_eval. NumPy only."""
