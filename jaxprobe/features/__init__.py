"""The store: embeddings of all layers on disk, as ArrayRecord shards. The home of grain."""
