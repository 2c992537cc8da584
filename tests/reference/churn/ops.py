"""Who is told when something broke."""

from __future__ import annotations

from typing import Any


def page(run_id: str, error: dict[str, Any] | None) -> str:
    """What the person on call reads."""
    return f"{run_id}: {error['message'] if error else 'no reason given'}"
