"""The steps of pipeline.yaml: plain functions, with nothing of yamlflow in them."""

import csv
import random
import tempfile
from pathlib import Path


def extract(source: str, rows: int) -> list[dict]:
    """Stands for a database or a web service: some orders, a few of them broken."""
    chance = random.Random(source)
    return [{"source": source, "order": number, "amount": round(chance.uniform(-5, 100), 2)} for number in range(rows)]


def clean(orders: list[dict]) -> list[dict]:
    return [order for order in orders if order["amount"] > 0]


def load(parts: list[list[dict]]) -> Path:
    """A returned path goes into the store; `yamlflow artifacts get load` brings it back."""
    file = Path(tempfile.mkdtemp(), "orders.csv")
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["source", "order", "amount"])
        writer.writeheader()
        writer.writerows(order for part in parts for order in part)
    return file


def report(parts: list[list[dict]], sources: list[str]) -> dict[str, float]:
    totals = (round(sum(order["amount"] for order in part), 2) for part in parts)
    return dict(zip(sources, totals, strict=True))


def page(error: dict) -> None:
    print(f"step {error['step']} failed: {error['message']}")
