"""What outlives a run: artifacts by content, and the state of every run."""
