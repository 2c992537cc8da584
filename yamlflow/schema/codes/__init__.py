"""The catalogue's pages: one module a topic, each with `CODES`, a tuple of Code.

A new code is a new entry; a new topic is a new module here, found by itself.
Data only.
"""
