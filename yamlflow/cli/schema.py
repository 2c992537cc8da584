"""`yamlflow schema`: the JSON Schema of pipeline files, as editors want it."""

from __future__ import annotations

import json


def schema() -> None:
    """Print the JSON Schema (draft-07) of pipeline files; `yamlflow init` puts it beside the file."""
    print(schema_text())


def schema_text() -> str:
    """The schema as it is written to disk, without a final newline."""
    from yamlflow.schema.export import schema as exported

    return json.dumps(exported(), indent=2, ensure_ascii=False)
