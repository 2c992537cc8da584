"""Taking the money of a few shops from CSV files to a report."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yamlflow

CURRENCIES = {"north": "GBP", "south": "EUR", "east": "EUR", "west": "GBP"}


@dataclass
class Totals:
    """`amount` in EUR."""

    amount: float
    rows: int
    rejected: int


def extract(shop: str, day: date, outage: bool, ctx: yamlflow.Context) -> Path:
    """The shop's till roll as CSV. `south` has a bad line: its first try fails."""
    if shop == "south" and (ctx.attempt == 1 or outage):
        raise ConnectionError(f"{shop} does not answer")
    path = Path(ctx.tmp) / f"{shop}.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["shop", "currency", "amount"])
        for number in range(day.day + len(shop)):
            rows.writerow([shop, CURRENCIES.get(shop, "EUR"), "oops" if number == 7 else f"{number * 1.5:.2f}"])
    return path


def rates(day: date) -> dict[str, float]:
    """Exchange rates of the day; the bank is closed, so `catch` speaks instead."""
    raise TimeoutError(f"no rates for {day}")


def clean(raw: Path, ctx: yamlflow.Context) -> Path:
    """The rows whose amount is a number; the others go to `rejected`."""
    path = Path(ctx.tmp) / raw.name
    with raw.open(newline="") as source, path.open("w", newline="") as target:
        writer = csv.writer(target)
        for row in csv.reader(source):
            writer.writerow([*row, "rejected" if row[2] == "oops" else "ok"])
    return path


def totals(files: Iterable[Path], rates: dict[str, float]) -> Totals:
    """The sum over all shops; the files come one at a time."""
    amount, rows, rejected = 0.0, 0, 0
    for path in files:
        with path.open(newline="") as file:
            for row in list(csv.reader(file))[1:]:
                if row[3] == "rejected":
                    rejected += 1
                else:
                    amount += float(row[2]) * rates[row[1]]
                    rows += 1
    return Totals(round(amount, 2), rows, rejected)


def alarm(rejected: int) -> str:
    """What the people at the tills should know."""
    message = f"{rejected} rows were rejected"
    print(message)
    return message


def archive(report: Path, day: date, ctx: yamlflow.Context) -> Path:
    """The report under its archive name."""
    target = Path(ctx.tmp) / f"takings-{day}.txt"
    target.write_text(report.read_text())
    return target


def page(error: dict) -> None:
    """Tell somebody. Here: the log of this hook."""
    print(f"paging: {error['step']} failed: {error['message']}")
