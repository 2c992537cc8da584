"""The root of the tree on this machine: a lean process that only makes and buries templates.

Executed, not forked, so that it inherits neither locks nor descriptors nor
threads of the launcher. Its own session: the terminal's Ctrl-C does not reach
it. One thread, no user code. End of file from the launcher means that it died:
everything below is ended, then the nursery itself.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
from typing import NoReturn

# All that a callable's task needs is imported with these, once, and shared by every fork.
from yamlflow.worker.processes import frames, kernel, task, template
from yamlflow.worker.processes.spec import spec_from_json

PATIENCE = 2.0
"""Seconds that templates have to end their tasks when the launcher is gone."""


def main(control: int) -> NoReturn:
    """The first call in the new process; `control` is the socket to the launcher."""
    os.setsid()
    kernel.adopt_orphans()
    faulthandler.enable()
    task.prepare_streams()
    Nursery(frames.inherited(control)).serve()
    os._exit(0)


class Nursery:
    def __init__(self, control: frames.Channel) -> None:
        self._control = control
        self._templates: dict[int, int] = {}  # pid -> the launcher's number for it
        self._woken, self._wakeup = kernel.wakeup_pipe()
        self._poll = select.poll()

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._woken:
                    os.read(self._woken, 512)
                elif not self._receive():
                    self._end_all()
                    return
            self._reap()

    def _receive(self) -> bool:
        frame, descriptors = self._control.receive_with(2)
        if frame is None:
            return False
        if frame["op"] == "template":
            self._make(frame, frames.inherited(descriptors[0]), descriptors[1])
        else:
            self._kill(frame["id"])
        return True

    def _make(self, frame: frames.Frame, channel: frames.Channel, bell: int) -> None:
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            self._control.close()
            template.become(spec_from_json(frame["spec"]), channel, bell, me)
        channel.close()
        os.close(bell)
        self._templates[pid] = frame["id"]

    def _kill(self, number: int) -> None:
        for pid, known in self._templates.items():
            if known == number:
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Bury templates, and orphans of theirs; tell the launcher which template has died of what."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._templates.pop(pid, None)
            if number is not None:
                self._sweep()
                self._tell({"op": "dead", "id": number, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, frame: frames.Frame) -> None:
        try:
            self._control.send(frames.to_bytes(frame))
        except OSError:  # the launcher is gone; end of file follows
            return

    def _sweep(self) -> None:
        """Kill what a dead template's tasks left behind."""
        for pid in kernel.children():
            if pid not in self._templates:
                os.kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        deadline = time.monotonic() + PATIENCE
        self._reap()
        while self._templates and (left := deadline - time.monotonic()) > 0:
            if select.select([self._woken], [], [], left)[0]:
                os.read(self._woken, 512)
            self._reap()
        for pid in self._templates:
            os.kill(pid, signal.SIGKILL)
        while strangers := kernel.children():
            for pid in strangers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
