"""Attempts on their way out and back: jobs, names, flights, earlier results."""
