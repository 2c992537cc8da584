"""The launcher's end of the process tree: nurseries and templates as seen from here, and the frames they send.

A nursery per start-up environment, a template per step module and everything
that counts before it is imported. Frames go out without waiting: a full socket
fills an outbox. What a task did is for the executor to judge, not for this module.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from yamlflow.core.jobs import Failure, Job, Outcome
from yamlflow.worker.processes import bootstrap, environment, frames

LAST_WORDS = 2000
IDLE_TEMPLATES = 16
"""Templates without work that are kept for the next task of their module."""


@dataclass(slots=True)
class Attempt:
    """A job that was handed over and has not ended; `given` in monotonic seconds."""

    job: Job
    given: float = field(default_factory=time.monotonic)
    outcome: Outcome | None = None


@dataclass(slots=True)
class Nursery:
    """`errors` is an unnamed file: what it says there is shown only when it dies."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    errors: IO[bytes]
    alive: bool = True

    def last_words(self) -> str:
        self.errors.seek(0)
        text = self.errors.read()[-LAST_WORDS:].decode(errors="replace").strip()
        return f": {text}" if text else ""


@dataclass(slots=True, eq=False)
class Template:
    """`ready`: its module is imported, and what it is sent starts at once."""

    number: int
    key: tuple[Any, ...]
    nursery: Nursery
    channel: socket.socket
    ready: bool = False
    cause: str = ""
    unusable: Failure | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict)
    outbox: deque[bytes] = field(default_factory=deque)

    @property
    def usable(self) -> bool:
        return not self.cause and self.unusable is None


Heard = tuple[Template, frames.Frame]


class Tree:
    """All processes that this launcher has started, and its one place to wait for them."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._nurseries: dict[tuple[Any, ...], Nursery] = {}
        self._current: dict[tuple[Any, ...], Template] = {}
        self._heard: list[Heard] = []
        self._numbers = 0
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
        return nursery

    def _make(self, key: tuple[Any, ...], job: Job) -> Template:
        self._retire_idle()
        nursery = self.warm(job.env, inherit=job.env_inherit)
        ours, theirs = frames.pair()
        ours.setblocking(False)
        self._numbers += 1
        template = Template(self._numbers, key, nursery, ours)
        frame = {"op": "template", "id": template.number, "spec": _spec(job, self._grace)}
        with theirs:
            socket.send_fds(nursery.control, [frames.pack(frame, f"{job.scratch}.spec.json")], [theirs.fileno()])
        self.templates[template.number] = self._current[key] = template
        self._selector.register(ours, selectors.EVENT_READ, template)
        return template

    def _retire_idle(self) -> None:
        idle = [template for template in self.templates.values() if not template.attempts]
        for template in idle[: max(0, len(idle) - IDLE_TEMPLATES + 1)]:
            self._forget(template)

    def _forget(self, template: Template) -> None:
        """Let go of a template; end of file tells it to end."""
        self._unplug(template)
        self.templates.pop(template.number, None)
        if self._current.get(template.key) is template:
            del self._current[template.key]

    def _unplug(self, template: Template) -> None:
        if template.channel.fileno() >= 0:
            self._selector.unregister(template.channel)
            template.channel.close()

    # ---------------------------------------------------------------- speaking

    def send(self, template: Template, frame: frames.Frame, *, spill: str = "") -> None:
        packet = frames.pack(frame, spill)
        if template.outbox or not _sent(template, packet):
            template.outbox.append(packet)
            self._watch(template)

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

    def _watch(self, template: Template) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if template.outbox else 0)
        self._selector.modify(template.channel, events, template)

    # ---------------------------------------------------------------- hearing

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

    def _serve(self, template: Template, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            while template.outbox and _sent(template, template.outbox[0]):
                template.outbox.popleft()
            self._watch(template)
        if events & selectors.EVENT_READ:
            self._read(template)

    def _read(self, template: Template) -> None:
        """All frames that are there."""
        while True:
            try:
                frame = frames.receive(template.channel)
            except BlockingIOError:
                return
            if frame is None:
                self._unplug(template)
                return
            self._heard.append((template, frame))

    def _hear_nursery(self, nursery: Nursery) -> None:
        frame = frames.receive(nursery.control)
        if frame is None:
            self._bury_nursery(nursery)
        elif frame["id"] in self.templates:
            self._bury(self.templates[frame["id"]], frame["status"])

    def _bury_nursery(self, nursery: Nursery) -> None:
        nursery.alive = False
        self._selector.unregister(nursery.control)
        nursery.control.close()
        nursery.process.wait()
        for template in [template for template in self.templates.values() if template.nursery is nursery]:
            self._bury(template, None)

    def _bury(self, template: Template, status: int | None) -> None:
        """A template has died: what it and its tasks still said comes first."""
        if template.channel.fileno() >= 0:
            self._read(template)
        self._forget(template)
        self._heard.append((template, {"op": "dead", "status": status}))

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """Let go of everything; end of file makes nurseries end what runs, then themselves."""
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
    with theirs:
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


def _sent(template: Template, packet: bytes) -> bool:
    """Whether the packet is gone; one to a dead template is, too: its nursery reports the death."""
    try:
        template.channel.send(packet)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _spec(job: Job, grace: float) -> dict[str, Any]:
    """What worker.processes.template.Spec is made of."""
    return {
        "target": str(job.target.get("callable", "")),
        "code_roots": list(job.code_roots),
        "cwd": job.code_roots[0] if job.code_roots else "",
        "env": dict(job.env),
        "secrets": dict(job.secrets),
        "cpu": job.grant.cpu,
        "log": job.log,
        "grace": grace,
        "fresh": job.target["kind"] == "python" and bool(job.grant.gpus or job.python),
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
