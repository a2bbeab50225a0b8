"""What a process may use of its machine: its cores, and a share of all else."""

import os


def available() -> int:
    """Cores that the system lets this process run on: fewer than there are in a SLURM task."""
    if hasattr(os, 'sched_getaffinity'):  # Not on macOS.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Set by `stages/cluster.py`, where the processes of a run meet.
NEIGHBOURS = 'JAXPROBE_NEIGHBOURS'


def neighbours() -> int:
    """Processes of this run on this machine, itself included: they share its memory."""
    return int(os.environ.get(NEIGHBOURS, '1'))
