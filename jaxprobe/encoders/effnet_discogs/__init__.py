"""EffNet-Discogs (Alonso-Jimenez et al., 2022): EfficientNet-B0 graphs on log mel patches."""
