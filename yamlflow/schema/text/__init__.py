"""YAML text made into a tree: events, limits, traps, and what is said about each."""
