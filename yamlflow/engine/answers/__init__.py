"""The scheduler's questions answered: expressions evaluated over what tasks made."""
