"""Jukebox 5b (Dhariwal et al., 2020), read as jukemir does: VQ-VAE codes, half of the top prior."""
