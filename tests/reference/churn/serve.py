"""What is released."""

from __future__ import annotations

from pathlib import Path


def release(model: Path) -> str:
    """The name the released model is known by."""
    return f"released {model.name}"
