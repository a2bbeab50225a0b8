"""The bank: every probe of a task trained in one compiled program. The home of optax."""
