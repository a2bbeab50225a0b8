"""From activations to events: beats and downbeats by the most likely path. jax, no audio."""
