"""The files of a pipeline put together: overlays, defaults, parameters, used files."""
