"""The launcher's end of the process tree: nurseries and templates as seen from here, and the frames they send.

A nursery per start-up environment, a template per step module and everything
that counts before it is imported. Frames go out without waiting: a full socket
fills an outbox. What a task did is for the executor to judge, not for this module.
"""

from __future__ import annotations

import os
import select
import selectors
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import field
from typing import IO, Any, Protocol

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job, Outcome
from yamlflow.worker.processes import bootstrap, environment, frames, kernel

LAST_WORDS = 2000
IDLE_TEMPLATES = 16
"""Templates without work that are kept for the next task of their module."""


@dataclass(slots=True)
class Attempt:
    """A job that was handed over and has not ended; `given` in monotonic seconds.

    `line` are the names of those that came under one grant and have not ended: the first one runs.
    """

    job: Job
    line: list[str] = field(default_factory=list)
    given: float = field(default_factory=time.monotonic)
    outcome: Outcome | None = None


Packet = tuple[bytes, tuple[int, ...]]
"""What goes out, and descriptors that go with it and are closed then."""


class Line(Protocol):
    """A process that we talk with, and what waits for room in its socket."""

    channel: frames.Channel
    outbox: deque[Packet]


@dataclass(slots=True)
class Nursery:
    """`errors` is an unnamed file: what it says there is shown only when it dies."""

    process: subprocess.Popen[bytes]
    control: frames.Channel
    errors: IO[bytes]
    alive: bool = True

    def last_words(self) -> str:
        self.errors.seek(0)
        text = self.errors.read()[-LAST_WORDS:].decode(errors="replace").strip()
        return f": {text}" if text else ""


@dataclass(slots=True, eq=False)
class Template:
    """`ready`: its module is imported, and what it is sent starts at once. It rings the `bell` when it speaks."""

    number: int
    key: tuple[Any, ...]
    nursery: Nursery
    channel: frames.Channel
    bell: int
    ready: bool = False
    cause: str = ""
    unusable: Failure | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict)
    outbox: deque[Packet] = field(default_factory=deque)

    @property
    def usable(self) -> bool:
        return not self.cause and self.unusable is None


Heard = tuple[Line, frames.Frame]


class Tree:
    """All processes that this launcher has started, and its one place to wait for them."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = kernel.wakeup_pipe()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._urgent = select.poll()
        self._urgent.register(self._woken, select.POLLIN)
        self._nurseries: dict[tuple[Any, ...], Nursery] = {}
        self._current: dict[tuple[Any, ...], Template] = {}
        self._heard: list[Heard] = []
        self._numbers = 0
        self._closed = False
        self.templates: dict[int, Template] = {}

    # ---------------------------------------------------------------- making

    def template(self, job: Job) -> Template:
        """The template for a job, made if there is none that can be used. Raises OSError."""
        key = _key(job)
        template = self._current.get(key)
        return template if template is not None and template.usable else self._make(key, job)

    def warm(self, job_env: Mapping[str, str] | None = None, *, inherit: bool = True) -> Nursery:
        """The nursery for a start-up environment, made if there is none that lives."""
        declared = environment.startup(job_env or {})
        key = (inherit, tuple(sorted(declared.items())))
        nursery = self._nurseries.get(key)
        if nursery is None or not nursery.alive:
            source = environment.inherited(os.environ, everything=inherit)
            self._nurseries[key] = nursery = _start_nursery({**source, **declared})
            self._selector.register(nursery.control, selectors.EVENT_READ, nursery)
            self._urgent.register(nursery.control, select.POLLIN)
        return nursery

    def _make(self, key: tuple[Any, ...], job: Job) -> Template:
        self._retire_idle()
        nursery = self.warm(job.env, inherit=job.env_inherit)
        ours, theirs = frames.pair()
        ours.setblocking(False)
        bell, rope = kernel.wakeup_pipe()
        self._numbers += 1
        template = Template(self._numbers, key, nursery, ours, bell)
        frame = {"op": "template", "id": template.number, "spec": _spec(job, self._grace)}
        with closing(theirs):
            nursery.control.send(frames.pack(frame, f"{job.scratch}.spec.json"), [theirs.fileno(), rope])
        os.close(rope)
        self.templates[template.number] = self._current[key] = template
        self.plug(template)
        self._urgent.register(bell, select.POLLIN)
        return template

    def _retire_idle(self) -> None:
        idle = [template for template in self.templates.values() if not template.attempts]
        for template in idle[: max(0, len(idle) - IDLE_TEMPLATES + 1)]:
            self._forget(template)

    def _forget(self, template: Template) -> None:
        """Let go of a template; end of file tells it to end."""
        self.unplug(template)
        self._urgent.unregister(template.bell)
        os.close(template.bell)
        self.templates.pop(template.number, None)
        if self._current.get(template.key) is template:
            del self._current[template.key]

    def plug(self, line: Line) -> None:
        """From now on its frames are heard."""
        self._selector.register(line.channel, selectors.EVENT_READ, line)

    def unplug(self, line: Line) -> None:
        if line.channel.fileno() >= 0:
            self._selector.unregister(line.channel)
            line.channel.close()

    # ---------------------------------------------------------------- speaking

    def send(self, line: Line, frame: frames.Frame, *, spill: str = "", descriptors: tuple[int, ...] = ()) -> None:
        packet = (frames.pack(frame, spill), descriptors)
        if line.outbox or not _sent(line, packet):
            line.outbox.append(packet)
        if line.outbox or not line.channel.flush():
            self._watch(line)

    def kill(self, template: Template, cause: str) -> None:
        """End a template that cannot listen; its death is heard later."""
        template.cause = cause
        try:
            template.nursery.control.send(frames.to_bytes({"op": "kill", "id": template.number}))
        except OSError:  # the nursery has died; its end of file follows
            return

    def wake(self) -> None:
        try:
            os.write(self._waker, b"\0")
        except OSError:  # full: it wakes anyway; closed: nobody waits
            return

    def _watch(self, line: Line) -> None:
        if line.channel.fileno() >= 0:
            waits = bool(line.outbox) or not line.channel.flush()
            self._selector.modify(line.channel, selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0), line)

    # ---------------------------------------------------------------- hearing

    def rest(self, seconds: float) -> None:
        """Hear nothing for a while, unless somebody wakes us, or more is said than a task's outcome."""
        rung = {descriptor for descriptor, _ in self._urgent.poll(seconds * 1000)}
        for template in self.templates.values() if rung else ():
            if template.bell in rung:
                _silence(template.bell)

    def hear(self, timeout: float) -> list[Heard]:
        """Frames with the template they came from; its death is the last: {"op": "dead", "status": n or None}."""
        for key, events in self._selector.select(timeout):
            if key.data is None:
                self._drain_wakeups()
            elif isinstance(key.data, Nursery):
                self._hear_nursery(key.data)
            elif key.data.channel.fileno() >= 0:
                self._serve(key.data, events)
        heard, self._heard = self._heard, []
        return heard

    def _drain_wakeups(self) -> None:
        try:
            while os.read(self._woken, 4096):
                pass
        except BlockingIOError:
            return

    def _serve(self, line: Line, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            while line.outbox and _sent(line, line.outbox[0]):
                line.outbox.popleft()
            self._watch(line)
        if events & selectors.EVENT_READ:
            self.read(line)

    def read(self, line: Line) -> None:
        """All frames that are there; they are heard next."""
        self._heard += [(line, frame) for frame in self.drain(line)]

    def drain(self, line: Line) -> Iterator[frames.Frame]:
        """All frames that are there, now."""
        while line.channel.fileno() >= 0:
            try:
                frame = line.channel.receive()
            except BlockingIOError:
                return
            if frame is None:
                self.unplug(line)
                return
            yield frame

    def _hear_nursery(self, nursery: Nursery) -> None:
        frame = nursery.control.receive()
        if frame is None:
            self._bury_nursery(nursery)
        elif frame["id"] in self.templates:
            self._bury(self.templates[frame["id"]], frame["status"])

    def _bury_nursery(self, nursery: Nursery) -> None:
        nursery.alive = False
        self._selector.unregister(nursery.control)
        self._urgent.unregister(nursery.control)
        nursery.control.close()
        nursery.process.wait()
        for template in [template for template in self.templates.values() if template.nursery is nursery]:
            self._bury(template, None)

    def _bury(self, template: Template, status: int | None) -> None:
        """A template has died: what it and its tasks still said comes first."""
        self.read(template)
        self._forget(template)
        self._heard.append((template, {"op": "dead", "status": status}))

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """Let go of everything; end of file makes nurseries end what runs, then themselves."""
        if self._closed:
            return
        self._closed = True
        for template in list(self.templates.values()):
            self._forget(template)
        for nursery in self._nurseries.values():
            nursery.control.close()
        for nursery in self._nurseries.values():
            nursery.process.wait()
            nursery.errors.close()
        self._nurseries.clear()
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)


def _start_nursery(variables: Mapping[str, str]) -> Nursery:
    ours, theirs = frames.pair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
    with closing(theirs):
        process = subprocess.Popen(
            bootstrap.command(sys.executable, "nursery", "main", theirs.fileno()),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[theirs.fileno()],
            cwd="/",
        )
    return Nursery(process, ours, errors)


def _silence(bell: int) -> None:
    """A bell may have been rung many times."""
    with suppress(BlockingIOError):
        os.read(bell, 4096)


def _sent(line: Line, packet: Packet) -> bool:
    """Whether the packet is gone; one to a dead process is, too: its death is reported."""
    try:
        gone = line.channel.send(*packet)
    except OSError:
        gone = True
    if gone:
        for descriptor in packet[1]:
            os.close(descriptor)
    return gone


def _spec(job: Job, grace: float) -> dict[str, Any]:
    """What worker.processes.spec.Spec is made of."""
    return {
        "target": str(job.target.get("callable", "")),
        "code_roots": list(job.code_roots),
        "cwd": job.code_roots[0] if job.code_roots else "",
        "env": dict(job.env),
        "secrets": dict(job.secrets),
        "masked": list(job.masked),
        "cpu": job.grant.cpu,
        "log": job.log,
        "grace": grace,
        "fresh": kernel.spawns() or (job.target["kind"] == "python" and bool(job.grant.gpus or job.python)),
        "python": job.python,
    }


def _key(job: Job) -> tuple[Any, ...]:
    """What jobs that share a template have in common: all that counts before or while a module is imported."""
    return (
        str(job.target.get("callable", "")).rpartition(":")[0],
        job.code_roots,
        tuple(sorted(job.env.items())),
        tuple(sorted(job.secrets.items())),
        int(job.grant.cpu),
        bool(job.grant.gpus),
        job.python,
        job.env_inherit,
    )
