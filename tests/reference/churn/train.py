"""A threshold on the number of visits, fitted, compared and distilled."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

from yamlflow import Context

FOLDS = 5


@dataclass(frozen=True)
class FitResult:
    """How well it did on the fold left out, and the fitted model."""

    auc: float
    ckpt: Path


@dataclass(frozen=True)
class Best:
    """The best model of one region."""

    auc: float
    ckpt: Path
    model: str


@dataclass(frozen=True)
class Distilled:
    """One model that stands for all."""

    ckpt: Path
    teachers: int


def fit(data: Path, model: str, fold: int, lr: float = 0.1, *, ctx: Context) -> FitResult:
    """One model on all folds but one; its accuracy on that one."""
    with data.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    field = "visits" if model == "xgb" else "age"
    train = [row for at, row in enumerate(rows) if at % FOLDS != fold]
    held_out = [row for at, row in enumerate(rows) if at % FOLDS == fold]
    threshold = max(range(81), key=lambda value: _accuracy(train, field, value) - lr * value / 1000)
    ckpt = ctx.tmp / f"{model}-{fold}.json"
    ckpt.write_text(json.dumps({"field": field, "threshold": threshold}))
    return FitResult(_accuracy(held_out, field, threshold), ckpt)


def _accuracy(rows: list[dict[str, str]], field: str, threshold: int) -> float:
    hits = sum((int(row[field]) < threshold) == (row["churned"] == "1") for row in rows)
    return hits / len(rows) if rows else 0.0


def pick_best(scores: list[float | None], ckpts: list[Path | None], models: list[str]) -> Best:
    """The best of what did not fail."""
    fitted = [(score, ckpt, model) for score, ckpt, model in zip(scores, ckpts, models, strict=True) if score and ckpt]
    auc, ckpt, model = max(fitted, key=lambda found: found[0])
    return Best(auc, ckpt, model)


def distill(teachers: list[Path], ctx: Context) -> Distilled:
    """The mean of the teachers' thresholds; on a gang, only rank 0 writes."""
    taught = [json.loads(teacher.read_text()) for teacher in teachers]
    ckpt = ctx.tmp / "student.json"
    threshold = sum(teacher["threshold"] for teacher in taught) / len(taught)
    ckpt.write_text(
        json.dumps({"field": taught[0]["field"], "threshold": threshold, "rank": os.environ.get("RANK", "0")})
    )
    return Distilled(ckpt, len(taught))
