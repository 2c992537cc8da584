"""Tasks in containers: one for each grant, which may be many small items of a loop.

The thread that calls decides; a few others start, collect and remove containers
and put what came of it into a queue. What a task made is in its batch's folder,
whatever becomes of engine and launcher; the engine's word only says whether
anybody is still going to write there. Must never import user code.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from queue import Empty, SimpleQueue

from yamlflow.core.errors import TemporaryError
from yamlflow.core.jobs import UNSTARTED, Failure, Job, JobBatch, Outcome, Report
from yamlflow.executors.base import Traits
from yamlflow.executors.docker import leftovers
from yamlflow.executors.docker.container import Setting
from yamlflow.executors.docker.engine import Engine, EngineGoneError, RefusedError, find
from yamlflow.executors.docker.events import Events
from yamlflow.executors.docker.flight import Flight
from yamlflow.executors.docker.hangar import Collected, Hangar, Launched, Said, Word, lacks_python
from yamlflow.executors.docker.options import DockerOptions
from yamlflow.worker.container import batch as words
from yamlflow.worker.disk import make_folder, remove_tree
from yamlflow.worker.processes import endings, environment

__all__ = ["DockerExecutor", "DockerOptions"]

PACK = 100
"""Items of a loop that a container is given at most."""

SHORT = 2.0
"""Seconds: items that take less are worth sharing a container's start."""

START = 0.3
"""Seconds that a container takes to start, about."""

TICK = 0.02
RECONCILE = 10.0
"""Seconds between two looks at all containers of the run."""


class DockerExecutor:
    """Runs attempts in containers of one engine."""

    traits = Traits(
        machine=True, depth=PACK, chain=PACK, short=SHORT, overhead=START, packs=True, adopts=True, ships=True
    )

    def __init__(self, options: DockerOptions | None = None) -> None:
        options = options or DockerOptions()
        self._options = replace(options, volumes=tuple(_absolute(volume) for volume in options.volumes))
        self._engine = Engine(find(options.host, options.context))
        setting = Setting(self._options, self._engine.abilities, _package(), (os.getuid(), os.getgid()))
        self._words: SimpleQueue[Word | None] = SimpleQueue()
        self._hangar = Hangar(self._engine, setting, self._words.put)
        self._flights: dict[str, Flight] = {}  # container's name -> what is in it
        self._homes: dict[str, Flight] = {}  # attempt id -> its container
        self._reports: list[Report] = []
        self._events: Events | None = None
        self._runs: set[str] = set()
        self._places: set[str] = set()
        self._down = False
        self._looked = time.monotonic()

    # ---------------------------------------------------------------- the protocol

    def submit(self, batch: JobBatch) -> None:
        jobs = batch.jobs()
        try:
            for run_id in {job.run_id for job in jobs}:
                self._listen(run_id)
        except (EngineGoneError, RefusedError) as error:
            failure = Failure("start_failed", f"the Docker engine does not answer: {error}")
            self._tell(Report("ended", job.attempt_id, outcome=Outcome("failed", failure=failure)) for job in jobs)
            return
        fresh = [job for job in jobs if job.attempt_id not in self._homes]
        for _, together in groupby(fresh, key=lambda job: job.shares or job.attempt_id):
            self._submit(list(together))

    def poll(self, timeout: float) -> Sequence[Report]:
        deadline = time.monotonic() + timeout
        self._look()
        while not self._reports and (left := deadline - time.monotonic()) > 0:
            busy = any(flight.running for flight in self._flights.values())
            if self._hear(min(TICK, left) if busy else left) and not self._reports:
                break
            self._look()
        reports, self._reports = self._reports, []
        return reports

    def wake(self) -> None:
        self._words.put(None)

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        changed: dict[str, Flight] = {}
        for name in names:
            flight = self._homes.get(name)
            if flight is None:
                if begun:
                    self._reports.append(Report("gone", name))
            elif not flight.running:
                self._withdraw(flight, name, begun=begun)
            else:
                orders = flight.orders
                (orders.release if not begun else orders.kill if force else orders.stop).add(name)
                changed[flight.name] = flight
        for flight in changed.values():
            self._order(flight)

    def adopt(self, run_id: str) -> Sequence[Report]:
        """Attempts whose containers are still here; from now on they are followed like any other."""
        try:
            self._listen(run_id)
        except (EngineGoneError, RefusedError) as error:
            raise TemporaryError(f"the Docker engine does not answer: {error}", hint="then: yamlflow resume") from error
        own = (job for flight in self._flights.values() for job in flight.left.values() if job.run_id == run_id)
        return [Report("started", job.attempt_id, given=job.given) for job in own]

    def close(self, *, detach: bool = False) -> None:
        if self._events is not None:
            self._events.close()
        flights = [] if detach else list(self._flights.values())
        self._hangar.close([flight.name for flight in flights])
        for place in () if detach else self._places:
            remove_tree(place)
        self._flights.clear()
        self._homes.clear()

    # ---------------------------------------------------------------- starting

    def _submit(self, jobs: list[Job]) -> None:
        """Jobs of one grant, to be done one after another."""
        folder = f"{Path(jobs[0].log).parent.parent}/containers/{jobs[0].attempt_id}"
        flight = Flight(f"yamlflow-{jobs[0].attempt_id}", folder, dict(enumerate(jobs)))
        self._flights[flight.name] = flight
        self._homes.update((job.attempt_id, flight) for job in jobs)
        try:
            self._prepare(flight, jobs)
        except environment.SecretMissingError as error:
            self._refuse(flight, Failure("error", str(error), exception=type(error).__name__, final=True))
        except OSError as error:
            self._refuse(flight, Failure("start_failed", f"cannot prepare a container: {error}"))
        else:
            self._hangar.launch(flight, jobs)

    def _prepare(self, flight: Flight, jobs: list[Job]) -> None:
        """The folders that are mounted, and the batch in its own. Raises OSError or SecretMissingError."""
        job = jobs[0]
        secrets = environment.secrets(job.secrets, os.environ)
        checkpoints = Path(environment.checkpoint_folder(job)).parent
        for place in (Path(job.log).parent, Path(job.scratch).parent, checkpoints, Path(job.store)):
            make_folder(str(place))
        remove_tree(flight.folder)
        make_folder(flight.folder)
        leftovers.mark(Path(flight.folder).parents[1], self._engine.address)
        self._places.add(str(Path(flight.folder).parent))
        for one in jobs:
            remove_tree(one.scratch)
        words.write_batch(flight.folder, words.Batch(jobs, self._options.grace, self._patience(job)))
        if secrets:
            words.put(flight.folder, words.SECRETS, secrets)

    def _patience(self, job: Job) -> float | None:
        return None if job.packed else self._options.patience

    def _refuse(self, flight: Flight, failure: Failure) -> None:
        """A container that is not to be: its first job has failed, the others go back."""
        left = list(flight.left.values())
        self._tell([Report("ended", left[0].attempt_id, outcome=Outcome("failed", failure=failure))] if left else [])
        self._tell(Report("gone", job.attempt_id, message=UNSTARTED) for job in left[1:])
        self._forget(flight)

    def _withdraw(self, flight: Flight, name: str, *, begun: bool) -> None:
        """An attempt whose container is still being started."""
        index = next(index for index, job in flight.left.items() if job.attempt_id == name)
        if not begun and index == min(flight.left):
            return  # it is about to begin
        flight.left.pop(index)
        cancelled = Outcome("failed", failure=endings.stopped("cancelled", None))
        (flight.orders.stop if begun else flight.orders.release).add(name)
        words.write_orders(flight.folder, flight.orders)
        self._tell([Report("ended", name, outcome=cancelled) if begun else Report("gone", name, message=UNSTARTED)])

    # ---------------------------------------------------------------- listening

    def _listen(self, run_id: str) -> None:
        """From now on deaths of the run's containers are heard, also of those that an earlier launcher started."""
        if run_id in self._runs:
            return
        self._events = self._events or Events(
            self._engine,
            "yamlflow/run",
            lambda name: self._words.put(Said("died", name)),
            lambda why: self._words.put(Said("down", why)),
            lambda: self._words.put(Said("up")),
        )
        for found in self._engine.containers(f"yamlflow/run={run_id}"):
            self._adopt(found)
        self._runs.add(run_id)

    def _hear(self, timeout: float) -> bool:
        """Words of the threads that are there; whether somebody called."""
        called = False
        try:
            word = self._words.get(timeout=timeout)
            while True:
                called = self._take(word) or called
                word = self._words.get_nowait()
        except Empty:
            return called

    def _take(self, word: Word | None) -> bool:
        match word:
            case None:
                return True
            case Launched(flight=flight, failure=failure):
                self._launched(flight, failure)
            case Collected():
                self._collected(word)
            case Said(kind="died", text=name):
                self._collect(self._flights.get(name))
            case Said(kind="waiting", text=text, flight=flight):
                self._wait(flight, text)
            case Said(kind="down", text=text):
                self._down = True
                self._reports.append(Report("down", "", message=f"the Docker engine does not answer: {text}"))
            case Said():
                self._up()
        return False

    def _launched(self, flight: Flight, failure: Failure | None) -> None:
        if failure is not None:
            self._refuse(flight, failure)
            self._hangar.remove(flight.name)
        elif not flight.left:  # taken back meanwhile
            self._forget(flight)
            self._hangar.remove(flight.name)
        else:
            flight.running = True

    def _collected(self, word: Collected) -> None:
        flight = word.flight
        if lacks_python(word) and flight.left:
            self._launch_again(flight)
            return
        self._tell(flight.conclude(word.state, word.said))
        self._forget(flight)
        self._hangar.remove(flight.name)

    def _launch_again(self, flight: Flight) -> None:
        """Python may have its other name in the image."""
        flight.python += 1
        self._hangar.python = flight.python
        flight.running = flight.ended = False
        flight.told = -1
        self._hangar.launch(flight, list(flight.left.values()))

    def _wait(self, flight: Flight | None, text: str) -> None:
        if flight is not None and flight.left:
            self._reports.append(Report("waiting", flight.left[min(flight.left)].attempt_id, message=text))

    def _up(self) -> None:
        if self._down:
            self._down = False
            self._reports.append(Report("up", ""))
        self._looked = 0.0  # what ended meanwhile nobody has said

    # ---------------------------------------------------------------- looking

    def _look(self) -> None:
        for flight in list(self._flights.values()):
            if flight.running:
                self._tell(flight.look())
        if self._flights and time.monotonic() - self._looked > RECONCILE and not self._down:
            self._looked = time.monotonic()
            self._reconcile()

    def _reconcile(self) -> None:
        """Containers that end unheard."""
        try:
            found = [one for run_id in self._runs for one in self._engine.containers(f"yamlflow/run={run_id}")]
        except (EngineGoneError, RefusedError):
            return  # the stream of events says so too, and says when it is back
        alive = {name.lstrip("/") for one in found if one["State"] in ("running", "paused") for name in one["Names"]}
        for flight in list(self._flights.values()):
            if flight.running and flight.name not in alive:
                self._collect(flight)

    def _collect(self, flight: Flight | None) -> None:
        if flight is not None and flight.running and not flight.ended:
            flight.ended = True
            self._hangar.collect(flight)

    def _tell(self, reports: Iterable[Report]) -> None:
        """Reports of attempts; one that has ended is no longer here."""
        for report in reports:
            self._reports.append(report)
            if report.kind in ("ended", "gone"):
                self._homes.pop(report.attempt_id, None)

    def _order(self, flight: Flight) -> None:
        """Make its orders known; where everybody is to end at once, the container is."""
        words.write_orders(flight.folder, flight.orders)
        if all(job.attempt_id in flight.orders.kill for job in flight.left.values()):
            self._hangar.kill(flight.name)

    def _forget(self, flight: Flight) -> None:
        """All is said about the container."""
        self._flights.pop(flight.name, None)
        for job in flight.left.values():
            self._homes.pop(job.attempt_id, None)
        remove_tree(flight.folder)

    # ---------------------------------------------------------------- adopting

    def _adopt(self, found: dict[str, object]) -> None:
        labels = found["Labels"]
        assert isinstance(labels, dict)  # it was found by one
        name = f"yamlflow-{labels['yamlflow/attempt']}"
        folder = str(labels["yamlflow/folder"])
        try:
            jobs = words.read_batch(folder).jobs
        except (OSError, ValueError):
            jobs = []
        if name in self._flights:
            return
        if found["State"] == "created" or not jobs:  # it never began, or nobody knows what it is for
            self._hangar.remove(name)
            return
        self._places.add(str(Path(folder).parent))
        flight = Flight(name, folder, dict(enumerate(jobs)), running=True)
        flight.orders = words.read_orders(folder)
        self._flights[name] = flight
        self._homes.update((job.attempt_id, flight) for job in jobs)
        if found["State"] not in ("running", "paused"):
            self._collect(flight)


def _package() -> str:
    """Where this installation of yamlflow lies: what a container runs is what this launcher is."""
    return str(Path(__file__).resolve().parents[2])


def _absolute(volume: str) -> str:
    """As Docker writes it, but for a folder that is relative to the working directory, or to the home."""
    source, colon, rest = volume.partition(":")
    return f"{Path(source).expanduser().absolute()}{colon}{rest}" if source.startswith((".", "~")) else volume
