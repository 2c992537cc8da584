"""Tests of the project itself: its layers, its names, its pins, its accounting of skips."""
