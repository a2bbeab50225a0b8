"""Audio files to windows of samples (numpy, soundfile, soxr)."""
