"""Ground floor: words, errors, files, seeds, names, records. Imports nothing of the house."""
