"""HuBERT and everything of its graph: MERT v0 and v1, MusicHuBERT."""
