"""Frozen models: a card, parameters and one pure function each. The home of flax."""
