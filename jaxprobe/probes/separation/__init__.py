"""Source separation from frozen frames: the head, its spectra, its bank and its songs."""
