"""data2vec-audio and music2vec: HuBERT's graph with other positions."""
