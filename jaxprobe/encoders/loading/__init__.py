"""Checkpoints as their authors publish them, read without torch and without TensorFlow."""
