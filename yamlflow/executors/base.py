"""What an executor is: five methods over our own values.

Called from exactly one thread (the pump's), except `wake`. An executor never
knows the graph. A failed task is a report, never an exception; an exception
from here is the executor's own trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    of any step, for each of which a process is started when the one before has ended well.
    """

    machine: bool = True
    max_batch: int = 1
    coalesce: float = 0.0
    gang: bool = False
    depth: int = 1
    chain: int = 1


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
