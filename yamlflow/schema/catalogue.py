"""Every diagnostic code with its page. Not needed to validate, only to explain.

The pages are found in `codes/`. A code stands there once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from yamlflow.schema import codes
from yamlflow.schema.codes.page import Code
from yamlflow.schema.spelling import suggest

__all__ = ["CODES", "Code", "nearest"]


def _pages() -> Iterator[Code]:
    for module in sorted(found.name for found in iter_modules(codes.__path__)):
        yield from import_module(f"{codes.__name__}.{module}").CODES


CODES: Mapping[str, Code] = MappingProxyType({page.code: page for page in _pages()})


def nearest(word: str) -> str | None:
    """The code that a misspelt `word` was probably meant to be."""
    return suggest(word, CODES)
