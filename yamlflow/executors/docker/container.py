"""The exact configuration of a container, in the words of the engine's own API.

A pure function of what is asked for: the same batch gives the same container.
Paths are the same inside as outside. Nothing of the launcher's environment is
in it, and no secret.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Job
from yamlflow.executors.docker.engine import Abilities
from yamlflow.executors.docker.options import DockerOptions
from yamlflow.worker.processes import environment

PACKAGE = "/opt/yamlflow"
"""Where a container finds the worker."""

PIDS = 4096
LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
HOST = "host.docker.internal:host-gateway"
OWN_FILE_SYSTEM = "rw,exec,nosuid,nodev,mode=1777"

PYTHON = (3, 10)
UNFIT = 86
"""Exit status of an interpreter that is too old."""

START = f"""\
import sys
v = sys.version_info
if v < {PYTHON}:
    sys.stderr.write("Python %d.%d" % (v[0], v[1]))
    sys.exit({UNFIT})
sys.path[:1] = [{PACKAGE!r}]
import yamlflow
del sys.path[0]
from yamlflow.worker.container.supervisor import main
main(sys.argv[1])
"""
"""What Python runs first: also one that is too old must be able to read it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all containers of an executor: `package` is where the worker lies on this machine."""

    options: DockerOptions
    abilities: Abilities
    package: str
    user: tuple[int, int]


def configuration(
    setting: Setting, jobs: Sequence[Job], *, image: str, folder: str, python: str = "python3"
) -> dict[str, Any]:
    """What POST /containers/create gets; `image` is what it is made of, `folder` the batch's."""
    options, job = setting.options, jobs[0]
    return {
        "Image": image,
        "Entrypoint": [python, "-B", "-c", START, folder],
        "Cmd": [],
        "Env": [f"{name}={value}" for name, value in sorted(_variables(job).items())],
        "User": _user(setting),
        "WorkingDir": "/",
        "Labels": labels(job, folder, len(jobs)),
        "NetworkDisabled": False,
        "StopTimeout": int(options.grace) + 5,
        "HostConfig": _host(setting, jobs, folder),
    }


def labels(job: Job, folder: str, size: int) -> dict[str, str]:
    """By these a container is found again."""
    return {
        "app.kubernetes.io/managed-by": "yamlflow",
        "yamlflow/run": job.run_id,
        "yamlflow/step": job.task.node,
        "yamlflow/attempt": job.attempt_id,
        "yamlflow/size": str(size),
        "yamlflow/folder": folder,
    }


def _variables(job: Job) -> dict[str, str]:
    """What counts when an interpreter starts; the rest is set in it, where nobody can look it up."""
    return {"HOME": "/tmp", **environment.startup(job.env)}  # noqa: S108 - inside the container


def _user(setting: Setting) -> str:
    """Who a task is: whoever started the run, so that every file it leaves is theirs."""
    if setting.options.user:
        return setting.options.user
    if setting.abilities.rootless and not setting.abilities.podman:
        return "0:0"  # which is the caller, outside
    return "{}:{}".format(*setting.user)


def _host(setting: Setting, jobs: Sequence[Job], folder: str) -> dict[str, Any]:
    options, grant = setting.options, jobs[0].grant
    shared = options.network in ("host", "none") or options.network.startswith("container:")
    config: dict[str, Any] = {
        "Init": options.init,
        "NanoCpus": max(10_000_000, int(grant.cpu * 1e9)) if grant.cpu else 0,
        "Memory": grant.memory,
        "MemorySwap": grant.memory,
        "ShmSize": grant.shm,
        "PidsLimit": PIDS,
        "NetworkMode": options.network or "default",
        "ExtraHosts": [*options.extra_hosts, *([] if shared else [HOST])],
        "Mounts": list(_mounts(setting, jobs, folder)),
        "Binds": list(options.volumes),
        "ReadonlyRootfs": options.read_only,
        "Tmpfs": {"/tmp": OWN_FILE_SYSTEM} if options.read_only else {},  # noqa: S108
        "SecurityOpt": ["no-new-privileges"],
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "LogConfig": LOG,
        "AutoRemove": False,
        "RestartPolicy": {"Name": "no"},
    }
    if grant.gpus:
        config["DeviceRequests"] = [{"Driver": "", "DeviceIDs": list(grant.gpus), "Capabilities": [["gpu"]]}]
    if setting.abilities.podman and setting.abilities.rootless and not options.user:
        config["UsernsMode"] = "keep-id"
    return config


def _mounts(setting: Setting, jobs: Sequence[Job], folder: str) -> Iterator[dict[str, Any]]:
    """The worker and the code, to be read; values, logs and scratch, to be written."""
    for name in ("__init__.py", "core", "worker"):
        yield _mount(f"{setting.package}/{name}", f"{PACKAGE}/yamlflow/{name}", read_only=True)
    for root in outermost(root for job in jobs for root in job.code_roots):
        yield _mount(root, root, read_only=True)
    for place in sorted(set(_places(jobs, folder))):
        yield _mount(place, place)


def _places(jobs: Sequence[Job], folder: str) -> Iterator[str]:
    job = jobs[0]
    yield folder
    yield job.store
    yield posixpath.dirname(job.log)
    yield posixpath.dirname(job.scratch)
    yield posixpath.dirname(environment.checkpoint_folder(job))


def outermost(paths: Iterator[str]) -> list[str]:
    """Without those that lie in another one."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(path.startswith(f"{above.rstrip('/')}/") for above in found):
            found.append(path)
    return found


def _mount(source: str, target: str, *, read_only: bool = False) -> dict[str, Any]:
    """A mount whose source must be there: the other way to say it makes what is missing, as root."""
    return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only}
