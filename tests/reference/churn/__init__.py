"""The callables of the reference pipeline: small, real, typed."""
