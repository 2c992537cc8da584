"""What launcher and container agree on: a folder with jobs and orders in it, and what is said about them.

Each word is a file that appears whole, written beside and renamed: whoever reads
it, and whenever, sees all of it or none. Nothing is ever written twice but
progress, which is replaced, and lists, which only grow. It is all that is left
when a launcher has died, and enough to go on from.

    launcher  -> batch.json · secrets.json (read once, then removed) · orders.json
    container -> outcome-N.json · progress-N.json · back.json (names never begun) · unfit.txt
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job, job_from_json, jobs_to_json

BATCH, SECRETS, ORDERS, BACK, UNFIT = "batch.json", "secrets.json", "orders.json", "back.json", "unfit.txt"
_OUTCOME, _PROGRESS, _END = "outcome-", "progress-", ".json"


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that one container does one after another.

    `grace`: seconds between SIGTERM and SIGKILL for a task that is stopped. `patience`:
    seconds after which a job turns out to be long, and those behind it are given back; None: never.
    """

    jobs: Sequence[Job]
    grace: float
    patience: float | None = None


@dataclass(slots=True)
class Orders:
    """What the launcher wants of jobs by name: those to stop, those to stop at once, those not to begin."""

    stop: set[str] = field(default_factory=set)
    kill: set[str] = field(default_factory=set)
    release: set[str] = field(default_factory=set)


def write_batch(folder: str, batch: Batch) -> None:
    body = {**jobs_to_json(batch.jobs), "grace": batch.grace, "patience": batch.patience}
    put(folder, BATCH, body)


def read_batch(folder: str) -> Batch:
    """Raises OSError or ValueError where there is none."""
    body = read(folder, BATCH)
    jobs = [job_from_json({**body["common"], **own}) for own in body["each"]]
    return Batch(jobs, body["grace"], body["patience"])


def write_orders(folder: str, orders: Orders) -> None:
    put(folder, ORDERS, {name: sorted(getattr(orders, name)) for name in Orders.__slots__})


def read_orders(folder: str) -> Orders:
    """No orders where there is no file."""
    try:
        body = read(folder, ORDERS)
    except FileNotFoundError:
        return Orders()
    return Orders(**{name: set(names) for name, names in body.items()})


def take_secrets(folder: str) -> dict[str, str]:
    """The values of the batch's secrets, which are on no disk from now on."""
    path = f"{folder}/{SECRETS}"
    try:
        found: dict[str, str] = read(folder, SECRETS)
    except FileNotFoundError:
        return {}
    os.unlink(path)
    return found


def put_back(folder: str, names: Collection[str]) -> None:
    """Names of jobs that have not begun, and now never do: all of them so far."""
    put(folder, BACK, list(names))


def outcome_name(index: int) -> str:
    return f"{_OUTCOME}{index}{_END}"


def progress_name(index: int) -> str:
    return f"{_PROGRESS}{index}{_END}"


def index_of(name: str) -> int | None:
    """Which job an outcome's file is about; None for any other file."""
    number = name[len(_OUTCOME) : -len(_END)]
    return int(number) if name.startswith(_OUTCOME) and number.isdigit() else None


def put(folder: str, name: str, body: Mapping[str, Any] | Sequence[str]) -> None:
    """A file that appears whole, for its owner alone."""
    beside = f"{folder}/.{name}"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as writer:
        writer.write(json.dumps(body, separators=(",", ":")).encode())
    os.rename(beside, f"{folder}/{name}")


def read(folder: str, name: str) -> Any:
    with open(f"{folder}/{name}", "rb") as file:
        return json.loads(file.read())
