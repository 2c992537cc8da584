"""`yamlflow.parallel_map`: one function over the cores of one task.

    scores = parallel_map(lambda fold: train(data, fold), range(10))

Workers are forks of the caller: the function and everything it closes over are
simply there, nothing is pickled on the way in; results are pickled on the way
back. Order is kept. Workers end with their caller. Where there is no fork the
same code runs on threads. Works in any program, also outside of a run.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any, TypeVar, cast

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.calls.failures import safe_text, traceback_of
from yamlflow.worker.processes import kernel

Item = TypeVar("Item")
Result = TypeVar("Result")

ROUNDS = 8
"""Portions per worker: large enough to be cheap, small enough that all end at about the same time."""

_LENGTH = struct.Struct("<Q")
_RANGE = struct.Struct("<QQ")


class ItemError(RuntimeError):
    """What one item's call raised, in words; the cause of the exception that `parallel_map` raises.

    It is raised itself when the original exception cannot travel between
    processes, or when the worker's process died.
    """


def parallel_map(fn: Callable[[Item], Result], items: Iterable[Item], max_workers: int | None = None) -> list[Result]:
    """`[fn(item) for item in items]`, spread over processes.

    `max_workers`: default the cores the task was granted, else the machine's.
    An exception of an item is raised here, with an ItemError as its cause that has
    the item's index and the original traceback; the other workers are ended.
    """
    every = list(items)
    workers = min(len(every), max_workers or _cores())
    if workers <= 1:
        return [_in_place(fn, item, index) for index, item in enumerate(every)]
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return _on_threads(fn, every, workers)
    return _Crew(fn, every, workers).results()


def _cores() -> int:
    granted = os.environ.get("YAMLFLOW_CPU", "")
    try:
        return max(1, int(float(granted)))
    except ValueError:
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return available or 1


def _in_place(fn: Callable[[Item], Result], item: Item, index: int) -> Result:
    try:
        return fn(item)
    except Exception as error:
        raise error from ItemError(_words(index, error))


def _on_threads(fn: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda index: _in_place(fn, items[index], index), range(len(items))))


def _words(index: int, error: BaseException) -> str:
    return f"item {index} of parallel_map:\n{traceback_of(error)}"


# -------------------------------------------------------------------- the caller's side


@dataclass(slots=True)
class _Worker:
    pid: int
    asks: int  # descriptor to write portions to
    answers: int  # descriptor to read results from
    portion: range = field(default_factory=lambda: range(0))
    buffer: bytearray = field(default_factory=bytearray)


class _Crew:
    """Some forks that work off a list together."""

    def __init__(self, fn: Callable[[Any], Any], items: Sequence[Any], workers: int) -> None:
        self._fn = fn
        self._items = items
        self._results: list[Any] = [None] * len(items)
        self._portions = _portions(len(items), workers)
        self._workers: dict[int, _Worker] = {}  # by the descriptor of its answers
        self._size = workers

    def results(self) -> list[Any]:
        try:
            for _ in range(self._size):
                self._hire()
            self._work()
            self._release()
        finally:
            self._dismiss()
        return self._results

    def _release(self) -> None:
        """All is done: the workers end by themselves, so that what they printed is not lost."""
        for worker in self._workers.values():
            os.close(worker.asks)
            os.close(worker.answers)
        for worker in self._workers.values():
            os.waitpid(worker.pid, 0)
        self._workers.clear()

    def _hire(self) -> None:
        asks_out, asks_in = os.pipe()
        answers_out, answers_in = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        me = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks beside threads
            pid = os.fork()
        if pid == 0:
            for worker in self._workers.values():  # end of file must mean that the caller is gone
                os.close(worker.asks)
                os.close(worker.answers)
            os.close(asks_in)
            os.close(answers_out)
            _become_worker(self._fn, self._items, asks_out, answers_in, me)
        os.close(asks_out)
        os.close(answers_in)
        self._workers[answers_out] = worker = _Worker(pid, asks_in, answers_out)
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        """The next portion; without one the worker sees the end of its work."""
        worker.portion = next(self._portions, range(0))
        if worker.portion:
            os.write(worker.asks, _RANGE.pack(worker.portion.start, worker.portion.stop))

    def _work(self) -> None:
        poll = select.poll()
        for descriptor in self._workers:
            poll.register(descriptor, select.POLLIN)
        while any(worker.portion for worker in self._workers.values()):
            for descriptor, _ in poll.poll():
                self._hear(self._workers[descriptor], poll)

    def _hear(self, worker: _Worker, poll: select.poll) -> None:
        data = os.read(worker.answers, 1 << 20)
        if not data:
            poll.unregister(worker.answers)
            if worker.portion:
                raise ItemError(self._death(worker))
            return
        worker.buffer += data
        for answer in _messages(worker.buffer):
            self._take(worker, answer)

    def _take(self, worker: _Worker, answer: bytes) -> None:
        good, bad = pickle.loads(answer)
        start = worker.portion.start
        self._results[start : start + len(good)] = good
        if bad is not None:
            _raise(*bad)
        self._give(worker)

    def _death(self, worker: _Worker) -> str:
        _, status = os.waitpid(worker.pid, 0)
        del self._workers[worker.answers]
        os.close(worker.asks)
        os.close(worker.answers)
        code = os.waitstatus_to_exitcode(status)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        first, last = worker.portion[0], worker.portion[-1]
        which = f"item {first}" if first == last else f"one of the items {first} to {last}"
        return f"{which} of parallel_map: its process {how}"

    def _dismiss(self) -> None:
        """Something went wrong: end whoever is still there."""
        for worker in self._workers.values():
            os.close(worker.asks)
            os.close(worker.answers)
            os.kill(worker.pid, signal.SIGKILL)
        for worker in self._workers.values():
            os.waitpid(worker.pid, 0)


def _portions(count: int, workers: int) -> Iterator[range]:
    step = max(1, count // (workers * ROUNDS))
    return (range(start, min(start + step, count)) for start in range(0, count, step))


def _messages(buffer: bytearray) -> Iterator[bytes]:
    """Whole messages, taken off the front of a buffer."""
    while len(buffer) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(buffer)
        end = _LENGTH.size + length
        if len(buffer) < end:
            return
        message = bytes(buffer[_LENGTH.size : end])
        del buffer[:end]
        yield message


def _raise(words: str, pickled: bytes | None) -> None:
    """The item's exception, as it was where that is possible."""
    error = pickle.loads(pickled) if pickled is not None else None
    if error is None:
        raise ItemError(words)
    raise cast("BaseException", error) from ItemError(words)


# -------------------------------------------------------------------- the worker's side


def _become_worker(fn: Callable[[Any], Any], items: Sequence[Any], asks: int, answers: int, parent: int) -> None:
    """Work off portions until there are no more. Never returns."""
    try:
        kernel.die_with_parent(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears it and ends us
        os.environ["YAMLFLOW_CPU"] = "1"  # a parallel_map inside works in place
        while len(portion := os.read(asks, _RANGE.size)) == _RANGE.size:
            _send(answers, _worked_off(fn, items, range(*_RANGE.unpack(portion))))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _worked_off(fn: Callable[[Any], Any], items: Sequence[Any], portion: range) -> bytes:
    """The results of a portion, up to the first exception, as one message."""
    good: list[Any] = []
    for index in portion:
        try:
            good.append(fn(items[index]))
        except BaseException as error:  # noqa: BLE001 - sys.exit in an item is an item's failure
            return pickle.dumps((good, (_words(index, error), _portable(error))), protocol=5)
    try:
        return pickle.dumps((good, None), protocol=5)
    except Exception as error:  # noqa: BLE001 - whatever a result's own code raises
        return pickle.dumps(([], (_unpicklable(good, portion, error), None)), protocol=5)


def _unpicklable(results: Sequence[Any], portion: range, error: Exception) -> str:
    from yamlflow.worker.formats.pickles import culprit

    for index, result in zip(portion, results, strict=True):
        found = culprit(result, "result")
        if found:
            return f"item {index} of parallel_map: {found[0]}: {safe_text(found[1])}"
    return f"parallel_map: {safe_text(error)}"


def _portable(error: BaseException) -> bytes | None:
    """The pickle of an exception that comes out of it as what it was; None for any other."""
    if not isinstance(error, Exception):
        return None
    try:
        data = pickle.dumps(error, protocol=5)
        return data if type(pickle.loads(data)) is type(error) else None
    except Exception:  # noqa: BLE001 - constructors with two arguments, locks, a __reduce__ that raises
        return None


def _send(descriptor: int, message: bytes) -> None:
    view = memoryview(_LENGTH.pack(len(message)) + message)
    while view:
        view = view[os.write(descriptor, view) :]
