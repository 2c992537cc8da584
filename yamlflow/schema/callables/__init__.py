"""Callables read from their source with `ast`: where they are and what they take.

Nothing is ever imported or run. What cannot be known statically is Unknown,
never an error: compiled modules, unknown decorators, names made at run time.
"""

from __future__ import annotations

from yamlflow.schema.callables.finder import Finder, Found, Missing, Result, Unknown
from yamlflow.schema.callables.signatures import Kind, Parameter, Signature

__all__ = ["Finder", "Found", "Kind", "Missing", "Parameter", "Result", "Signature", "Unknown"]
