"""MuQ and MusicFM: one graph, a mel and convolution front end and a 12-block conformer."""
