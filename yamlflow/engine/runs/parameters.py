"""The parameters of a run as its record has them: a secret one by name, and whether it was given, never by value.

So a resume knows which values it must be given again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yamlflow.core.graph import Param
from yamlflow.core.values import Document
from yamlflow.store.state import RunRecord

MASK = "***"


def recorded(params: Mapping[str, Param]) -> dict[str, Any]:
    """What is written about the parameters of a run."""
    return {
        "params": {param.name: MASK if param.secret else param.value for param in params.values()},
        "secret_params": {param.name: param.given for param in params.values() if param.secret},
    }


def kept(record: RunRecord) -> dict[str, Document]:
    """The values that a run was given and that are known still."""
    hidden = withheld(record)
    return {name: value for name, value in record.body["params"].items() if name not in hidden}


def withheld(record: RunRecord) -> dict[str, bool]:
    """The secret parameters of a run, and whether each was given; a record of old does not know, and says no."""
    masked = {name: False for name, value in record.body["params"].items() if value == MASK}
    found: dict[str, bool] = record.body.get("secret_params", masked)
    return found
