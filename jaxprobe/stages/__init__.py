"""The loops of the pipeline: prepare, extract, probe, analyse."""
