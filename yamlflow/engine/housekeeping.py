"""What nobody needs any more: runs and cached results of long ago, values that nothing refers to, leftovers.

    swept = sweep(folder, state, now, older_than=...)

A value is needed when a run that is kept or a cached result refers to it, or
something that is needed does. What a run in progress writes is younger than its
launcher and stays; so does all that is touched while this looks around. Killed
at any moment it leaves a store that is whole: a run is forgotten before its
files go, a value before its views. Must never touch a run whose lock is held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import TemporaryError, UsageError
from yamlflow.core.values import ArtifactRef, references
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.history import state_of
from yamlflow.engine.runs.remains import end_remains, end_tasks
from yamlflow.store.local import LocalStore
from yamlflow.store.locks import is_held, take
from yamlflow.store.results import Cached
from yamlflow.store.state import RunRecord, State
from yamlflow.worker.disk import remove_tree

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_STEP = 1 << 24
_DAY = 86400.0


@dataclass(slots=True)
class Swept:
    """What went, or with `dry` would go; sizes in bytes. `damaged` counts what was set aside and is still there."""

    dry: bool = False
    runs: list[str] = field(default_factory=list)
    results: int = 0
    objects: int = 0
    leftovers: int = 0
    freed: int = 0
    kept: int = 0
    kept_size: int = 0
    damaged: int = 0


def sweep(
    folder: StateFolder, state: State, now: float, *, older_than: float | None = None, dry: bool = False
) -> Swept:
    """Frees what can be freed.

    `older_than` (seconds) first forgets runs that ended, and cached results that were made and last
    used, longer ago. Raises TemporaryError while another one is at it.
    """
    swept = Swept(dry=dry)
    with _alone(folder, now):
        swept.leftovers += end_remains(folder, now, dry=dry)
        gone = _outdated(folder, state, now, older_than)
        running = [record.created for record in state.runs() if state_of(folder, record) == "running"]
        since = min([now, *running])
        for record in gone:
            if dry or _forget(folder, state, record, now):
                swept.runs.append(record.id)
        stale = _forget_results(state, now, older_than, swept)
        _sweep_values(LocalStore(folder.store), state, since, swept, _Results(stale, spared=bool(running)))
        if not running and not dry:
            state.results.drop_sources(_compared(state))
        _sweep_leftovers(folder, state, since, now if older_than is None else now - older_than, swept)
    return swept


def remove_run(folder: StateFolder, state: State, record: RunRecord, now: float) -> None:
    """Forgets a run and deletes its logs; what it alone made goes with the next sweep. UsageError while it goes on."""
    if not _forget(folder, state, record, now):
        raise UsageError(f"run {record.id} is going on", hint=f"stop it first: yamlflow cancel {record.id}")


@contextmanager
def _alone(folder: StateFolder, now: float) -> Iterator[None]:
    lock = take(folder.path / "locks" / "gc.lock", "gc", since=_text(now))
    try:
        yield
    finally:
        lock.release()


def _text(now: float) -> str:
    return f"{now:.0f}"


# --- runs


def _outdated(folder: StateFolder, state: State, now: float, older_than: float | None) -> list[RunRecord]:
    """Runs that ended that long ago; one that was interrupted can be resumed, and stays."""
    if older_than is None:
        return []
    return [
        record
        for record in state.runs()
        if record.ended is not None and record.ended < now - older_than and state_of(folder, record) != "running"
    ]


def _forget(folder: StateFolder, state: State, record: RunRecord, now: float) -> bool:
    """What runs of it elsewhere, the record, then the files; False when a launcher has taken it up."""
    try:
        lock = take(folder.run_lock(record.id), f"run {record.id}", since=_text(now), run=record.id)
    except TemporaryError:
        return False
    try:
        end_tasks(folder.run(record.id))
        state.remove_run(record.id)
        remove_tree(str(folder.run(record.id)))
    finally:
        lock.release()
    return True


# --- results


@dataclass(frozen=True, slots=True)
class _Results:
    """Cached results that are forgotten; their values are `spared` while a run may have taken one up just now."""

    stale: list[Cached]
    spared: bool

    @property
    def keys(self) -> frozenset[bytes]:
        return frozenset() if self.spared else frozenset(row.key for row in self.stale)

    def values(self) -> Iterator[ArtifactRef]:
        return (ref for row in self.stale if self.spared for ref in references(row.outcome))


def _forget_results(state: State, now: float, older_than: float | None, swept: Swept) -> list[Cached]:
    if older_than is None:
        return []
    stale = state.results.stale(now - older_than) if swept.dry else state.results.forget_stale(now - older_than)
    swept.results = len(stale)
    return stale


def _compared(state: State) -> set[bytes]:
    """Digests of the code that the steps of each run had: what a resume and a comparison of runs ask for."""
    launches = (launch for record in state.runs() for launch in record.body.get("codes", {}).values())
    return {bytes.fromhex(digest) for launch in launches for digest in launch.values()}


# --- values


def _sweep_values(store: LocalStore, state: State, since: float, swept: Swept, results: _Results) -> None:
    needed = _needed(store, state, swept.runs if swept.dry else (), results)
    for digest, size in store.digests():
        if digest in needed:
            swept.kept += 1
            swept.kept_size += size
            continue
        freed = store.idle(digest, since) if swept.dry else store.discard(digest, since)
        swept.objects += freed is not None
        swept.freed += freed or 0


def _needed(store: LocalStore, state: State, without: Iterable[str], results: _Results) -> set[str]:
    """The digests of all that recorded documents lead to."""
    needed: set[str] = set()
    opened: set[str] = set()
    waiting = [ref for document in state.documents(without, results.keys) for ref in references(document)]
    waiting += results.values()
    while waiting:
        ref = waiting.pop()
        needed.add(ref.digest)
        look = _INSIDE.get(ref.format)
        if look is not None and ref.digest not in opened:
            opened.add(ref.digest)
            waiting.extend(look(store.place(ref.digest)))
    return needed


def _inside_json(path: Path) -> list[ArtifactRef]:
    try:
        return references(json.loads(path.read_bytes()))
    except (OSError, ValueError):  # lost; who reads it will find out
        return []


def _inside_folder(path: Path) -> list[ArtifactRef]:
    try:
        entries = json.loads(path.read_bytes())["entries"]
    except (OSError, ValueError):
        return []
    return [ArtifactRef(entry[2], "file", entry[3]) for entry in entries if entry[1] == "file"]


def _inside_pickle(path: Path) -> list[ArtifactRef]:
    """Whatever in it may be a digest: it is never loaded here."""
    found: set[bytes] = set()
    try:
        with path.open("rb") as file:
            tail = b""
            while chunk := file.read(_STEP):
                found.update(_DIGEST.findall(tail + chunk))
                tail = chunk[-63:]
    except OSError:
        return []
    return [ArtifactRef(digest.decode(), "file", 0) for digest in found]


_INSIDE: dict[str, Callable[[Path], list[ArtifactRef]]] = {
    "json": _inside_json,
    "dir": _inside_folder,
    "pickle": _inside_pickle,
}


# --- leftovers


def _sweep_leftovers(folder: StateFolder, state: State, since: float, long_ago: float, swept: Swept) -> None:
    store = LocalStore(folder.store)
    known = {record.id: record for record in state.runs()}
    found = [*store.leftovers(since), *_scratches(folder, known), *_strays(folder, known, since)]
    found += _packages(folder, since)
    damaged = store.damaged()
    old = [path for path in damaged if path.stat().st_ctime < long_ago] if long_ago < since else []
    swept.damaged = len(damaged) - len(old)
    for path in [*found, *old]:
        swept.leftovers += 1
        swept.freed += _size(path)
        if not swept.dry:
            path.unlink(missing_ok=True) if path.is_file() else remove_tree(str(path))


def _scratches(folder: StateFolder, known: dict[str, RunRecord]) -> Iterator[Path]:
    """Scratch folders of runs whose launcher died; those that a failed task left are kept as long as its run."""
    for record in known.values():
        place = folder.run(record.id) / "scratch"
        if record.ended is None and place.is_dir() and state_of(folder, record) == "interrupted":
            yield from place.iterdir()


def _strays(folder: StateFolder, known: dict[str, RunRecord], since: float) -> Iterator[Path]:
    """Folders of runs that are forgotten already."""
    place = folder.path / "runs"
    for path in place.iterdir() if place.is_dir() else ():
        if path.name not in known and path.stat().st_ctime < since and not is_held(path / "lock"):
            yield path


def _packages(folder: StateFolder, since: float) -> Iterator[Path]:
    """Unpacked code that no launch of the last day has used; a container may still read what is younger."""
    place = folder.code
    for path in place.iterdir() if place.is_dir() else ():
        if path.stat().st_mtime < since - _DAY:
            yield path


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder that have no other name."""
    if path.is_file():
        return path.stat().st_size
    states = [one.lstat() for one in path.rglob("*") if one.is_file()]
    return sum(state.st_size for state in states if state.st_nlink == 1)
