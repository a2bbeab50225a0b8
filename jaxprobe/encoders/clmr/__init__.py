"""CLMR (Spijkervet and Burgoyne, 2021): a SampleCNN on the waveform, trained by contrast."""
