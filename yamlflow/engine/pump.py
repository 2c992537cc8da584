"""One thread per executor: orders in, reports out.

Executors block; the loop must not. The pump's thread is the only one that
calls its executor (but for `wake`). What the executor reports goes to the
loop's inbox; an exception from it goes there too, as trouble, and ends the
pump. Must never touch scheduler, state or screen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import JobBatch, Report
from yamlflow.executors.base import Executor

PATIENCE = 5.0
"""Seconds that one poll may wait; orders wake it earlier."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What an executor said."""

    executor: str
    reports: Sequence[Report]


@dataclass(frozen=True, slots=True)
class Trouble:
    """An executor raised; it will say no more."""

    executor: str
    error: BaseException


Deliver = Callable[[Reports | Trouble], None]
Order = Callable[[Executor], None]


class Pump:
    """Drives one executor."""

    def __init__(self, name: str, executor: Executor, deliver: Deliver) -> None:
        self.name = name
        self._executor = executor
        self._deliver = deliver
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name=f"yamlflow-{name}", daemon=True)
        self._thread.start()

    def submit(self, batch: JobBatch) -> None:
        self._order(lambda executor: executor.submit(batch))

    def cancel(self, names: Collection[str], *, force: bool = False, begun: bool = True) -> None:
        self._order(lambda executor: executor.cancel(names, force=force, begun=begun))

    def close(self, *, detach: bool = False, timeout: float | None = None) -> None:
        """Ends the executor and waits for its thread, at most `timeout` seconds."""

        def end(executor: Executor) -> None:
            self._ending = True
            executor.close(detach=detach)

        self._order(end)
        self._thread.join(timeout)

    def _order(self, order: Order) -> None:
        self._orders.put(order)
        self._executor.wake()

    def _work(self) -> None:
        try:
            while not self._ending:
                self._obey()
                if not self._ending:
                    self._listen()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the loop must know
            self._deliver(Trouble(self.name, error))

    def _obey(self) -> None:
        while not self._ending:
            try:
                order = self._orders.get_nowait()
            except Empty:
                return
            order(self._executor)

    def _listen(self) -> None:
        reports = self._executor.poll(PATIENCE)
        if reports:
            self._deliver(Reports(self.name, reports))
