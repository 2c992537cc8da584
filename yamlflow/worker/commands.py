"""Commands and scripts: an argv or a shell script, run in the task's scratch folder, and the outputs it leaves.

`command` needs no shell: its arguments are templates over `inputs`, filled
here, because files become local paths only here. `sh` is a script for bash
(`-e -o pipefail`), or for `/bin/sh -e` where there is no bash. Inputs are
environment variables too. What the code root holds is linked into the scratch
folder, except what the step declares to make itself: that must not be written
through a link into the user's project.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yamlflow.core.jobs import Failure, Job
from yamlflow.core.values import Document
from yamlflow.worker import evaluation, products
from yamlflow.worker.calls import binding
from yamlflow.worker.codecs import load_value
from yamlflow.worker.disk import make_folder
from yamlflow.worker.invocation import CommandFailedError, Invocation
from yamlflow.worker.processes import endings, environment

UNLINKED = frozenset({".yamlflow", ".git", ".hg", ".venv", ".env"})
NOT_FOUND = 127
NOT_EXECUTABLE = 126


def execute(invocation: Invocation) -> Document:
    """Run the job's command and store what it declares to make."""
    job = invocation.job
    values = _values(invocation)
    folder = _folder(job)
    captured = _captured(job)
    argv = _argv(invocation, values)
    status = _run(argv, folder, _environment(job, values), captured)
    if captured:
        _show(captured)
    if status:
        raise CommandFailedError(_failure(argv[0], status))
    return products.collect(invocation, folder, captured)


def _values(invocation: Invocation) -> dict[str, Any]:
    job, store = invocation.job, invocation.store
    documents = {name: evaluation.resolved(part, store, job.scratch) for name, part in job.inputs.items()}
    joined = {name: binding.joined_items(document) for name, document in documents.items()}
    return {name: load_value(pair[1] if (pair := joined[name]) else documents[name], store) for name in documents}


def _folder(job: Job) -> str:
    """Where the command runs; the links are made in the scratch folder."""
    if job.cwd == "code":
        return job.code_roots[0] if job.code_roots else job.scratch
    if job.code_roots:
        _link_code(job.code_roots[0], job.scratch, products.made_names(job.target.get("outputs") or {}))
    return job.scratch


def _link_code(root: str, scratch: str, made: frozenset[str]) -> None:
    for entry in os.scandir(root):
        if entry.name not in UNLINKED and entry.name not in made:
            os.symlink(entry.path, f"{scratch}/{entry.name}")


def _captured(job: Job) -> str:
    """The file for standard output, where an output is made of it."""
    declared = (job.target.get("outputs") or {}).values()
    if not any("stdout" in body for body in declared):
        return ""
    os.makedirs(f"{job.scratch}/.yamlflow", exist_ok=True)
    return f"{job.scratch}/.yamlflow/stdout"


# -------------------------------------------------------------------- arguments


def _argv(invocation: Invocation, values: Mapping[str, Any]) -> list[str]:
    job = invocation.job
    script = job.target.get("script")
    if script is not None:
        return _shell(script)
    scope = evaluation.scope(job.target.get("roots") or {}, job.scratch, inputs=values)
    return [
        text for source in job.target["argv"] for text in _arguments(source, scope, evaluation.opener(invocation.store))
    ]


def _shell(script: str) -> list[str]:
    bash = shutil.which("bash")
    return [bash, "-e", "-o", "pipefail", "-c", script] if bash else ["/bin/sh", "-e", "-c", script]


def _arguments(source: str, scope: Any, load: Any) -> list[str]:
    """One argument, or as many as a list has that is a whole argument."""
    from yamlflow.core.expressions import Template, fill, parse_template, render

    template = parse_template(source) if "{{" in source else source
    if not isinstance(template, Template):
        return [template]
    with evaluation.said():
        value = render(template, scope, load)
        items = value if template.whole is not None and isinstance(value, (list, tuple, range)) else [value]
        return [fill(item, load) for item in items]


def _environment(job: Job, values: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a command: the task's own, and its inputs by name."""
    make_folder(environment.checkpoint_folder(job))
    own = dict(os.environ)
    shims = f"{job.scratch}/.yamlflow/bin"
    own["PATH"] = environment.with_python(own.get("PATH", os.defpath), job.python or sys.executable, shims)
    texts = {name: _variable(name, value, strict="script" in job.target) for name, value in values.items()}
    return {**own, **{name: text for name, text in texts.items() if text is not None}}


def _variable(name: str, value: Any, *, strict: bool) -> str | None:
    """An input as text. A script has no other way to read it; an argv may have read it in a hole."""
    from yamlflow.core.expressions import ExpressionError, fill

    if value is None:
        return ""
    try:
        return fill(value)
    except ExpressionError as error:
        if not strict:
            return None
        help_text = f'write_lines({name}), join(" ", {name}) or to_json({name})'
        message = (
            f"input `{name}` is an environment variable here, and {error.message.partition(',')[0]}: write {help_text}"
        )
        raise CommandFailedError(Failure("error", message, final=True)) from None


# -------------------------------------------------------------------- running


def _run(argv: list[str], folder: str, variables: dict[str, str], captured: str) -> int:
    """Exit code, or minus the number of the signal that ended it."""
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)  # whoever stops us stops the command, which may tidy up
    output = os.open(captured, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if captured else None
    try:
        return subprocess.call(argv, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output)
    except OSError as error:
        raise CommandFailedError(_not_started(argv[0], error, variables)) from None
    finally:
        if output is not None:
            os.close(output)


def _not_started(program: str, error: OSError, variables: Mapping[str, str]) -> Failure:
    if isinstance(error, FileNotFoundError):
        looked = "" if os.sep in program else f" on PATH ({variables.get('PATH', '')})"
        return Failure("error", f"there is no program `{program}`{looked}", exit_code=NOT_FOUND, final=True)
    message = f"`{program}` cannot be executed: {error.strerror}"
    return Failure("error", message, exit_code=NOT_EXECUTABLE, final=True)


def _failure(program: str, status: int) -> Failure:
    name = os.path.basename(program)
    if status > 0:
        return Failure("error", f"`{name}` ended with exit code {status}", exit_code=status)
    return Failure("error", f"`{name}` was ended by {endings.signal_name(-status)}", exit_code=128 - status)


def _show(captured: str) -> None:
    """What went to the captured standard output belongs into the log too, as far as people read it."""
    text = Path(captured).read_bytes()[: 64 << 10]
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
