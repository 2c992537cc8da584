"""A new interpreter per task: for GPU steps, for `python: PATH`, and where forking is unsafe.

The task's fork executes the interpreter at once; what it needs to know lies in a
file in memory. The same frames, folders and rules as for a forked task; only the
module is imported by the task itself.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from yamlflow.core.jobs import job_from_json, job_to_json
from yamlflow.worker.calls import importing
from yamlflow.worker.processes import frames, kernel, seeding, task
from yamlflow.worker.processes.bootstrap import command
from yamlflow.worker.processes.frames import Channel

if TYPE_CHECKING:
    from yamlflow.worker.processes.shared import Bench
    from yamlflow.worker.processes.spec import Spec

# -------------------------------------------------------------------- tasks


def become(spec: Spec, desk: task.Desk, output: int | None, leash: kernel.Leash) -> NoReturn:
    """Turn a fork of the template into an interpreter of its own that does the job."""
    status, job = 1, desk.job
    try:
        os.setsid()
        if task.enter(desk, output):
            python = spec.python or sys.executable
            body = {"job": job_to_json(job), "secrets": list(spec.secrets)}
            descriptors = (_inherited(desk.channel.fileno()), _in_memory(body), *_held(leash))
            try:
                os.execv(python, command(python, "fresh", "main", *descriptors))
            except OSError as error:
                task.fail(job, desk.channel, f"cannot start the interpreter {python}: {error.strerror}")
                status = task.FAILED
    finally:
        os._exit(status)


def main(channel: int, memory: int, *leash: int) -> NoReturn:
    """The new interpreter's first call."""
    _hold(leash)
    body = _from_memory(memory)
    job = job_from_json(body["job"])
    importing.prepare_path(job.code_roots)
    sys.argv = [str(job.target.get("callable", "command"))]
    masked = (*job.masked, *(os.environ[name] for name in body["secrets"] if name in os.environ))
    status = 1
    try:
        faulthandler.enable()
        task.prepare_streams()
        seeding.watch_imports()
        status = task.work(task.desk_of(job, frames.inherited(channel), 0, masked))
    finally:
        os._exit(status)


# -------------------------------------------------------------------- workers


def become_worker(spec: Spec, bench: Bench, page: int, parent: int, leash: kernel.Leash) -> NoReturn:
    """Turn a fork of the template into an interpreter of its own that does shared tasks."""
    try:
        os.setsid()
        task.detach(parent)
        body = {name: getattr(bench, name) for name in ("scratch", "capture", "gpus")}
        memory = _in_memory({**body, "target": spec.target, "code_roots": spec.code_roots})
        descriptors = (_inherited(bench.channel.fileno()), memory, _inherited(page), *_held(leash))
        python = spec.python or sys.executable
        os.execv(python, command(python, "fresh", "worker", *descriptors))
    finally:
        os._exit(1)


def worker(channel: int, memory: int, page: int, *leash: int) -> NoReturn:
    """The new interpreter's first call, of one that does many tasks."""
    _hold(leash)
    from yamlflow.worker.processes import shared
    from yamlflow.worker.processes.page import Page

    body = _from_memory(memory)
    importing.prepare_path(body["code_roots"])
    sys.argv = [body["target"]]
    status = 1
    try:
        faulthandler.enable()
        task.prepare_streams()
        seeding.watch_imports()
        shared.serve(shared.bench_of(body, frames.inherited(channel), Page(page)))
        status = 0
    finally:
        os._exit(status)


# -------------------------------------------------------------------- templates


def restart_template(spec: Spec, channel: Channel, bell: int) -> NoReturn:
    """Become a template without the module whose import made forking unsafe; pid, parent, channel and bell stay."""
    body = {name: getattr(spec, name) for name in type(spec).__slots__}
    descriptors = (_inherited(channel.fileno()), _in_memory({**body, "fresh": True}), _inherited(bell))
    os.execv(sys.executable, command(sys.executable, "fresh", "restarted_template", *descriptors))


def restarted_template(channel: int, memory: int, bell: int) -> NoReturn:
    from yamlflow.worker.processes import template
    from yamlflow.worker.processes.spec import spec_from_json

    spec = spec_from_json(_from_memory(memory))
    os.set_inheritable(bell, False)
    template.become(spec, frames.inherited(channel), bell, os.getppid())


def _held(leash: kernel.Leash) -> tuple[int, ...]:
    """The end of the leash that the new interpreter gets; the other one it must not have."""
    return (_inherited(leash[0]),) if leash else ()


def _hold(leash: Sequence[int]) -> None:
    for end in leash:
        os.set_inheritable(end, False)
        kernel.hold(end)


def _inherited(descriptor: int) -> int:
    os.set_inheritable(descriptor, True)
    return descriptor


def _in_memory(body: Mapping[str, Any]) -> int:
    descriptor = _inherited(kernel.memory_file("yamlflow"))
    with open(descriptor, "wb", closefd=False) as file:
        file.write(json.dumps(body).encode())
    return descriptor


def _from_memory(descriptor: int) -> dict[str, Any]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb") as file:
        body: dict[str, Any] = json.loads(file.read())
    return body
