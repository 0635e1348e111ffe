"""The tracker's pure core: no I/O, nothing on an I/O path, no globals that change, no clock, no randomness."""
