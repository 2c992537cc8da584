"""A new interpreter per task: for GPU steps, for `python: PATH`, and where forking is unsafe.

The task's fork executes the interpreter at once; what it needs to know lies in a
file in memory. The same frames, folders and rules as for a forked task; only the
module is imported by the task itself.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from yamlflow.core.jobs import job_from_json, job_to_json
from yamlflow.worker.calls import importing
from yamlflow.worker.processes import seeding, task
from yamlflow.worker.processes.bootstrap import command

if TYPE_CHECKING:
    from yamlflow.worker.processes.template import Spec

# -------------------------------------------------------------------- tasks


def become(spec: Spec, desk: task.Desk, channel: socket.socket, parent: int) -> NoReturn:
    """Turn a fork of the template into an interpreter of its own that does the job."""
    status, job = 1, desk.job
    try:
        task.enter(desk, parent)
        python = spec.python or sys.executable
        body = {"job": job_to_json(job), "secrets": list(spec.secrets)}
        descriptors = (_inherited(channel.fileno()), _in_memory(body))
        try:
            os.execv(python, command(python, "fresh", "main", *descriptors))
        except OSError as error:
            task.fail(job, channel, f"cannot start the interpreter {python}: {error.strerror}")
            status = task.CLEAN
    finally:
        os._exit(status)


def main(channel: int, memory: int) -> NoReturn:
    """The new interpreter's first call."""
    body = _from_memory(memory)
    job = job_from_json(body["job"])
    os.set_inheritable(channel, False)
    importing.prepare_path(job.code_roots)
    sys.argv = [str(job.target.get("callable", "command"))]
    secrets = {name: os.environ[name] for name in body["secrets"] if name in os.environ}
    status = 1
    try:
        task.prepare_streams()
        seeding.watch_imports()
        status = task.work(job, socket.socket(fileno=channel), secrets)
    finally:
        os._exit(status)


# -------------------------------------------------------------------- templates


def restart_template(spec: Spec, channel: socket.socket) -> NoReturn:
    """Become a template without the module whose import made forking unsafe; pid, parent and channel stay."""
    body = {name: getattr(spec, name) for name in type(spec).__slots__}
    descriptors = (_inherited(channel.fileno()), _in_memory({**body, "fresh": True}))
    os.execv(sys.executable, command(sys.executable, "fresh", "restarted_template", *descriptors))


def restarted_template(channel: int, memory: int) -> NoReturn:
    from yamlflow.worker.processes import template

    os.set_inheritable(channel, False)
    spec = template.spec_from_json(_from_memory(memory))
    template.become(spec, socket.socket(fileno=channel), os.getppid())


def _inherited(descriptor: int) -> int:
    os.set_inheritable(descriptor, True)
    return descriptor


def _in_memory(body: Mapping[str, Any]) -> int:
    descriptor = os.memfd_create("yamlflow", 0)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(json.dumps(body).encode())
    return descriptor


def _from_memory(descriptor: int) -> dict[str, Any]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb") as file:
        body: dict[str, Any] = json.loads(file.read())
    return body
