"""The argv that starts one of this package's processes in any interpreter, whatever that one can import.

The launcher imports this module and `frames` of this folder, and no other.
"""

from __future__ import annotations

import os

_HERE = os.path.realpath(__file__)
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(_HERE))))
_CODE = (
    "import sys; sys.path[:1] = [{root!r}]; import yamlflow; del sys.path[0]; "
    "from yamlflow.worker.processes.{module} import {function}; {function}(*map(int, sys.argv[1:]))"
)


def command(python: str, module: str, function: str, *descriptors: int) -> list[str]:
    """Call a function of this package, in a new interpreter, with descriptor numbers."""
    code = _CODE.format(root=_ROOT, module=module, function=function)
    return [python, "-c", code, *map(str, descriptors)]
