"""The version, in the one place that setup.py and every stored result read."""

VERSION = '0.1.0'
