"""MULE (McCallum et al., 2022): a SlowFast NFNet trained on music by contrast; from its spec."""
