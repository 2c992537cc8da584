"""What an executor is: five methods over our own values.

Called from exactly one thread (the pump's), except `wake`. An executor never
knows the graph. A failed task is a report, never an exception; an exception
from here is the executor's own trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import JobBatch, Report


@dataclass(frozen=True, slots=True)
class Traits:
    """What the scheduler must know of an executor, as data.

    `machine`: it draws on this machine's pool of slots. `max_batch`: items per
    submission. `coalesce`: seconds to collect ready items. `gang`: it can start
    several nodes at once. `depth`: how many items of a step with `isolation: shared`
    one grant may be handed, to be done one after another; `chain`: how many short items
    of any step, for each of which a process is started when the one before has ended well;
    items are short that take less than `short` seconds; `overhead`: seconds that a hand-over
    costs. `packs`: it hands over as many as the file says (`items_per_task`).
    `adopts`: what it runs outlives the launcher.
    `ships`: its tasks find nothing of the project but the code package.
    """

    machine: bool = True
    max_batch: int = 1
    coalesce: float = 0.0
    gang: bool = False
    depth: int = 1
    chain: int = 1
    short: float = 0.05
    overhead: float = 0.0
    packs: bool = False
    adopts: bool = False
    ships: bool = False


ABILITIES: Mapping[str, str] = {
    "attempts": "Each attempt starts once, however often it is handed over, and has one end",
    "loops": "Loops of no, one or a hundred items, each with its own result",
    "values": "Results of any size, files, metrics, `Skip`; a stored value that is lost is noticed",
    "failures": "Every failure with its reason and in the same words; a process that ends without a word",
    "timeout": "`timeout`",
    "cancel": "An attempt can be stopped, before or while it runs",
    "grace": "Time to tidy up between being told to stop and being killed",
    "children": "Processes that a task started end with it",
    "logs": "All that a task prints, byte for byte, in its own log",
    "live": "Its log and its progress while it runs",
    "secrets": "`secrets` by reference; their values in no log, message or report",
    "environment": "`env`, and the variables by which a task knows itself and its share of the machine",
    "inherit": "Your own environment, unless `env_inherit: false`",
    "folders": "`cwd: code` and `cwd: scratch`; an empty scratch folder for each attempt",
    "commands": "`sh` and `command`, with their outputs",
    "checkpoints": "A checkpoint that the next attempt finds",
    "usage": "CPU time and peak memory of each task",
    "chains": "Short tasks handed over together, a process each",
    "shared": "`isolation: shared`",
    "tidy": "When yamlflow ends, nothing runs on",
    "memory": "`resources.memory` is a limit: who takes more ends with `oom`",
    "detach": "Tasks outlive yamlflow: `resume` finds them again",
}
"""What an executor may be able to do, in the words of README's matrix; what one lacks stands in the registry."""


class Executor(Protocol):
    """Runs attempts somewhere and reports how they go."""

    traits: Traits

    def submit(self, batch: JobBatch) -> None:
        """Start a batch; safe to call again with the same names."""

    def poll(self, timeout: float) -> Sequence[Report]:
        """Reports since the last call, at least once each; waits up to `timeout` seconds for the first."""

    def wake(self) -> None:
        """Make a waiting `poll` return; the only method that any thread may call."""

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        """Stop attempts by name; repeatable; the answer is a report. `force` skips the grace period.

        Without `begun`, only those that have not begun, which are gone then; the others go on and nothing is said.
        """

    def adopt(self, run_id: str) -> Sequence[Report]:
        """What still exists of a run after its launcher died."""

    def close(self, *, detach: bool = False) -> None:
        """Let go: end what runs, or leave it running where the backend can."""
