"""Statistics over stored results: pure functions."""
