"""A small conformer that was never trained: the control every result is read against."""
