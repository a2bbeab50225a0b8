"""Pieces that more than one family is made of, each proved by a family's parity test."""
