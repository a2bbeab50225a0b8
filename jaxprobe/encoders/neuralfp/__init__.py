"""NeuralFP (Chang et al., 2021): an audio fingerprint of one second."""
