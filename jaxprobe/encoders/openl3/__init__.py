"""OpenL3 (Cramer et al., 2019): look, listen and learn more, from one second of music."""
