"""How many cores a process may use."""

import os


def available() -> int:
    """Cores that the system lets this process run on: fewer than there are in a SLURM task."""
    if hasattr(os, 'sched_getaffinity'):  # Not on macOS.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
