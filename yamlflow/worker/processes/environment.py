"""The environment of a step: what is inherited, what is declared, what yamlflow adds, secrets at last.

Start-up variables are those that only a new process can honour; each set of them
has a nursery of its own. The rest is set in the template before the step's
module is imported, and what differs from task to task after the fork.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from yamlflow.core.jobs import Job

CLEAN = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TMPDIR")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
_AT_START = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_TUNABLES")


class SecretMissingError(Exception):
    """A secret's reference leads to nothing."""


def startup(declared: Mapping[str, str]) -> dict[str, str]:
    """The declared variables that count only when a process starts."""
    return {name: value for name, value in declared.items() if name.startswith(_AT_START)}


def inherited(source: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    """What a nursery starts with: the caller's environment, or the little that every program needs."""
    return dict(source) if everything else {name: source[name] for name in CLEAN if name in source}


def threads(cpu: float, declared: Mapping[str, str]) -> dict[str, str]:
    """The numeric libraries' thread counts: the step's cores, unless somebody chose them."""
    count = str(max(1, int(cpu)))
    return {name: count for name in THREADS if name not in declared and name not in os.environ}


def step_variables(job: Job) -> dict[str, str]:
    """What most tasks of a step have in common."""
    variables = {
        "YAMLFLOW_RUN_ID": job.run_id,
        "YAMLFLOW_STEP": job.task.node,
        "YAMLFLOW_ATTEMPT": str(job.attempt),
        "YAMLFLOW_CPU": f"{job.grant.cpu:g}",
    }
    if job.grant.gpus:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(job.grant.gpus)
    return variables


def own_variables(job: Job) -> dict[str, str]:
    """What differs from attempt to attempt."""
    return {
        "YAMLFLOW_ATTEMPT_ID": job.attempt_id,
        "YAMLFLOW_TASK_DIR": job.scratch,
        "YAMLFLOW_CHECKPOINT_DIR": checkpoint_folder(job),
        "TMPDIR": job.scratch,
    }


def task_variables(job: Job) -> dict[str, str]:
    """All that yamlflow says to a task."""
    return {**step_variables(job), **own_variables(job)}


def enter(variables: Mapping[str, str]) -> None:
    """Set the variables."""
    present = os.environ
    for name, value in variables.items():
        present[name] = value


def checkpoint_folder(job: Job) -> str:
    """`checkpoints/TASK` beside the run's scratch folders: the same for every attempt."""
    run = job.scratch.rsplit("/", 2)[0]
    indexes = "".join(f"-{index}" for index in job.task.path)
    return f"{run}/checkpoints/{job.task.node}{indexes}"


def secrets(references: Mapping[str, str], source: Mapping[str, str]) -> dict[str, str]:
    """The values behind `env:NAME` and `file:PATH`. Raises SecretMissingError, never with a value in it."""
    return {name: _secret(name, reference, source) for name, reference in references.items()}


def _secret(name: str, reference: str, source: Mapping[str, str]) -> str:
    kind, _, place = reference.partition(":")
    if kind == "env":
        if place not in source:
            raise SecretMissingError(
                f"secret {name}: the environment variable {place} is not set where the run started"
            )
        return source[place]
    if kind == "file":
        try:
            with open(place, encoding="utf-8") as file:
                return file.read().rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissingError(f"secret {name}: cannot read {place}: {error}") from None
    raise SecretMissingError(f"secret {name}: on `local` a secret is `env:NAME` or `file:PATH`, not `{kind}:`")


def with_python(path: str, interpreter: str, shims: str) -> str:
    """PATH on which `python` is the interpreter; `shims` is a folder for a script, where one is needed."""
    import shutil  # commands only: it maps five libraries into every fork

    folder = os.path.dirname(interpreter)
    found = shutil.which("python", path=path)
    if found is not None and os.path.dirname(found) == folder:
        return path
    if not os.path.exists(f"{folder}/python"):
        folder = _shim(shims, interpreter)
    return f"{folder}{os.pathsep}{path}" if path else folder


def _shim(folder: str, interpreter: str) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    script = f"{folder}/python"
    with open(script, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{interpreter}" "$@"\n')
    os.chmod(script, 0o700)
    return folder
