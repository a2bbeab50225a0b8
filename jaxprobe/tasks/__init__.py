"""Data sets with their cards, and the tasks made of them. Imports no jax."""
