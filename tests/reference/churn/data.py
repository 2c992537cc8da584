"""Raw events to clean tables, one file per region."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from pathlib import Path

from yamlflow import Context

REGIONS = ("eu", "us")
FIELDS = ("user", "region", "visits", "age", "churned", "agent")


@dataclass(frozen=True)
class Cleaned:
    """The clean table, and how many rows were taken out."""

    table: Path
    dropped: int


def extract(uri: str, ctx: Context) -> Path:
    """Events of one day, made up from the address; the database's address is a secret."""
    if not os.environ.get("DB_URL"):
        raise RuntimeError("DB_URL is not set")
    draw = random.Random(uri)
    target = ctx.tmp / "events.csv"
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(FIELDS)
        writer.writerows(_event(draw, user) for user in range(240))
    return target


def _event(draw: random.Random, user: int) -> tuple[int, str, int, int, int, str]:
    visits, age = draw.randint(0, 20), draw.randint(18, 80)
    churned = int(visits + draw.gauss(0, 2) < 8)
    return user, REGIONS[user % len(REGIONS)], visits, age, churned, draw.choice(("human", "human", "bot"))


def clean(raw: Path, ctx: Context, drop_bots: bool = False) -> Cleaned:
    """The rows worth keeping."""
    with raw.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [row for row in rows if not (drop_bots and row["agent"] == "bot")]
    return Cleaned(_write(ctx.tmp / "table.csv", kept), len(rows) - len(kept))


def list_regions(table: Path) -> list[str]:
    """The regions that occur, sorted."""
    with table.open(newline="") as stream:
        return sorted({row["region"] for row in csv.DictReader(stream)})


def split(table: Path, region: str, ctx: Context) -> Path:
    """The rows of one region."""
    with table.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["region"] == region]
    return _write(ctx.tmp / f"{region}.csv", rows)


def _write(target: Path, rows: list[dict[str, str]]) -> Path:
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    return target
