"""Calling a user's code: finding it, binding its arguments, telling how it failed."""
