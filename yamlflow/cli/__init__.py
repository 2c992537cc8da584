"""The command line: options in, lines out; one file a command, each imported when it is asked for."""

import gc

gc.set_threshold(100_000, 20, 50)  # what starting makes stays: looking through it for garbage took a twentieth of it
