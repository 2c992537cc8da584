"""Runs on disk: folders, opening, recording, looking back."""
