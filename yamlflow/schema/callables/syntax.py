"""Python text as a syntax tree, parsed once: who checks a call and who digests the code read the same modules.

What is kept hangs on the text alone, so it is never out of date. A tree is
shared: nobody may change it.
"""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

_KEPT = 32
"""Trees take much more memory than their text: only those of a project's own few modules are worth it."""


@lru_cache(maxsize=_KEPT)
def syntax(content: bytes) -> ast.Module:
    """The tree of a module; SyntaxError, ValueError, RecursionError or MemoryError where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(content)
