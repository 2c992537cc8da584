"""parallel_map: order, closures, errors, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import yamlflow
from yamlflow.worker.parallel import ItemError, parallel_map

ROOT = Path(__file__).parents[2]


class OddError(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}{b}")


def test_it_is_the_public_one():
    assert yamlflow.parallel_map is parallel_map


def test_results_keep_their_order_and_closures_work():
    shift = 100
    lock = threading.Lock()  # cannot be pickled, and need not be

    def add(x):
        with lock:
            return x + shift

    assert parallel_map(add, range(50), max_workers=3) == list(range(100, 150))


def test_work_is_spread_over_processes():
    pids = parallel_map(lambda _: (time.sleep(0.02), os.getpid())[1], range(12), max_workers=3)
    assert len(set(pids)) > 1
    assert os.getpid() not in pids


@pytest.mark.parametrize("items", [[], [1], iter([1, 2, 3])])
def test_none_one_and_an_iterator_are_fine(items):
    assert parallel_map(lambda x: x, items, max_workers=2) in ([], [1], [1, 2, 3])


def test_large_results_come_back():
    assert [len(part) for part in parallel_map(lambda n: b"x" * n, [5_000_000, 3], max_workers=2)] == [5_000_000, 3]


def raises_at_7(x):
    if x == 7:
        raise ValueError("seven", x)
    return x


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_raised_with_the_items_index_and_its_traceback(workers):
    with pytest.raises(ValueError, match="seven") as caught:
        parallel_map(raises_at_7, range(20), max_workers=workers)
    assert caught.value.args == ("seven", 7)
    cause = caught.value.__cause__
    assert isinstance(cause, ItemError)
    assert str(cause).startswith("item 7 of parallel_map:\n")
    assert "in raises_at_7" in str(cause)


def test_an_exception_that_cannot_travel_is_told_in_words():
    def f(_):
        raise OddError(1, 2)

    with pytest.raises(ItemError, match=r"item 0 of parallel_map(.|\n)*OddError: 12"):
        parallel_map(f, range(2), max_workers=2)


def test_a_worker_that_dies_names_its_item():
    with pytest.raises(ItemError, match="item 3 of parallel_map: its process was ended by SIGKILL"):
        parallel_map(lambda x: os.kill(os.getpid(), 9) if x == 3 else x, range(5), max_workers=2)


def test_a_result_that_cannot_be_pickled_names_the_culprit():
    with pytest.raises(ItemError, match=r"item 0 of parallel_map: result\[1\]: cannot pickle"):
        parallel_map(lambda x: (x, threading.Lock()), range(2), max_workers=2)


def test_sys_exit_in_an_item_does_not_end_the_caller():
    with pytest.raises(ItemError, match="SystemExit"):
        parallel_map(lambda _: sys.exit(0), range(2), max_workers=2)


def test_no_worker_is_left_after_success_failure_or_an_interrupt():
    before = set(children())
    parallel_map(lambda x: x, range(4), max_workers=2)
    with pytest.raises(ValueError, match="seven"):
        parallel_map(raises_at_7, range(20), max_workers=2)
    timer = threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            parallel_map(lambda _: time.sleep(60), range(4), max_workers=2)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, old)
    assert set(children()) == before


def children():
    from yamlflow.worker.processes import kernel

    return kernel.children()


def test_workers_end_with_their_caller(tmp_path, monkeypatch):
    script = tmp_path / "caller.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, sys, time
            sys.path.insert(0, {str(ROOT)!r})
            from yamlflow import parallel_map
            def f(x):
                open(f"{tmp_path}/pid{{x}}", "w").write(str(os.getpid()))
                time.sleep(60)
            parallel_map(f, range(2), max_workers=2)
            """
        )
    )
    caller = subprocess.Popen([sys.executable, str(script)])
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    while not all(file.exists() and file.read_text() for file in files):
        assert caller.poll() is None
        time.sleep(0.01)
    caller.kill()
    caller.wait()
    for pid in (int(file.read_text()) for file in files):
        deadline = time.monotonic() + 5
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2:3]:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_the_cores_of_the_task_are_the_default(monkeypatch):
    monkeypatch.setenv("YAMLFLOW_CPU", "1")
    assert set(parallel_map(lambda _: os.getpid(), range(5))) == {os.getpid()}
    monkeypatch.setenv("YAMLFLOW_CPU", "2.5")
    assert os.getpid() not in parallel_map(lambda _: os.getpid(), range(5))


def test_inside_a_worker_it_works_in_place():
    nested = parallel_map(
        lambda _: (os.getpid(), parallel_map(lambda _: os.getpid(), range(3))), range(2), max_workers=2
    )
    assert all(set(inner) == {outer} for outer, inner in nested)


def test_where_there_is_no_fork_threads_do_it(monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert parallel_map(lambda x: (x, os.getpid()), range(5), max_workers=2) == [(x, os.getpid()) for x in range(5)]


def test_what_workers_print_is_not_lost(tmp_path):
    code = "from yamlflow import parallel_map\nparallel_map(print, ['a', 'b', 'c'], max_workers=2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert sorted(done.stdout.replace("\n", "")) == ["a", "b", "c"]
