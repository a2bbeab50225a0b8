"""The floor of every table: log mel energies and chroma, without a single learned weight."""
