"""Tasks in containers of a Docker engine, or of Podman's.

`executor` is its door. `engine` is the only module that knows docker-py.
"""
