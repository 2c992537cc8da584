"""What a template's tasks are forked from: environment, folder, imported module, and what importing it printed."""

from __future__ import annotations

import os

from yamlflow.core.jobs import Failure, Outcome
from yamlflow.worker.calls import importing
from yamlflow.worker.processes import environment, kernel, masking, task
from yamlflow.worker.processes.desks import open_log
from yamlflow.worker.processes.spec import Spec

LIMIT = 1 << 20
"""Bytes of what an import printed that are kept when secrets must be taken out of it."""


class Premises:
    """`masked` are the texts that no log may show: known once the secrets are read."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.masked: tuple[str, ...] = spec.masked

    def prepare(self) -> Outcome | None:
        """Make them; what no task could be run for, if there is something."""
        spec = self._spec
        try:
            output_to(kernel.memory_file("import") if self._hides else open_log(spec.log))
            secrets = environment.secrets(spec.secrets, os.environ)
            self.masked = (*spec.masked, *secrets.values())
            os.environ.update({**environment.threads(spec.cpu, spec.env), **spec.env, **secrets})
            os.chdir(spec.cwd or "/")
            importing.prepare_path(spec.code_roots)
            if not spec.target:
                import yamlflow.worker.commands  # noqa: F401 - for the forks
            elif not spec.fresh:
                importing.import_target(spec.target, spec.code_roots)
        except BaseException as error:  # noqa: BLE001 - whatever importing a module raises, sys.exit included
            self._publish_output()
            return task.without_secrets(Outcome("failed", failure=_failure_of(error)), self.masked)
        self._publish_output()
        return None

    @property
    def _hides(self) -> bool:
        return bool(self._spec.secrets or self._spec.masked)

    def _publish_output(self) -> None:
        """What importing printed is in the log already, unless there were secrets to take out of it."""
        task.flush()
        if self._hides:
            os.lseek(1, 0, os.SEEK_SET)
            said = masking.cleaned(os.read(1, LIMIT), self.masked)
            log = open_log(self._spec.log)
            os.write(log, said)
            os.close(log)


def _failure_of(error: BaseException) -> Failure:
    if isinstance(error, (importing.CallableNotFoundError, environment.SecretMissingError)):
        return Failure("error", str(error), exception=type(error).__name__)
    from yamlflow.worker.calls.failures import failure_of  # late: it formats tracebacks, which few templates have to

    return failure_of(error)


def output_to(target: int) -> None:
    """Standard output and error of this process, for what is said while importing."""
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
