"""One page of the catalogue: what `yamlflow explain CODE` shows. Data only."""

from __future__ import annotations

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Severity

CODES: tuple[Code, ...] = ()  # this module is the form, not a topic


@dataclass(frozen=True, slots=True)
class Code:
    """What a diagnostic means.

    `bad` and `good` are YAML; `bad` gives this code, `good` does not. Where
    no short text gives it (a file that is not there), `bad` says so in a comment.
    """

    code: str
    title: str
    explanation: str
    bad: str
    good: str
    severity: Severity = Severity.ERROR
