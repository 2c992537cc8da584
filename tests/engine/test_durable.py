"""What leaves the launcher has been written down before."""

from __future__ import annotations

import threading

import pytest

from tests.engine.bench import Bench, answering, bench, graph, over, step
from yamlflow.core.graph import TaskId
from yamlflow.core.messages import ExecutorTraits, Submitted, Succeeded
from yamlflow.engine.run import execute
from yamlflow.engine.runs.opening import RunOptions, open_run
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.store.state import look_at_state


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


def test_a_submit_and_the_successes_it_stands_on_are_on_disk_before_it_leaves(here):
    plan = graph(step("a", loop=over({"x": [1, 2, 3]})), step("b", "a", inputs={"all": "steps.a"}))
    seen = []

    class Watched(FakeExecutor):
        def submit(self, batch):
            state = look_at_state(here.folder.path / "state.db")
            with state:
                events = [stored.event for stored in state.events(state.find_run().id)]
            submitted = {event.task for event in events if isinstance(event, Submitted)}
            succeeded = {event.task for event in events if isinstance(event, Succeeded)}
            for job in batch.jobs():
                assert job.task in submitted
                seen.append((job.task.node, succeeded))
            super().submit(batch)

    run = open_run(plan, here.folder, RunOptions(), file="/x/p.yaml")
    executor = Watched(FakeOptions(answer=answering({"a": 1})))
    try:
        assert execute(run, {"local": (executor, ExecutorTraits())}, here.machine).state == "succeeded"
    finally:
        run.close()
    assert [node for node, _ in seen] == ["a", "a", "a", "b"]
    assert seen[-1][1] == {TaskId("a", (index,)) for index in range(3)}


def test_jobs_of_one_step_leave_in_one_batch(here):
    run = open_run(graph(step("a", loop=over({"x": "range(50)"}))), here.folder, RunOptions(), file="/x/p.yaml")
    executor = FakeExecutor()
    here.machine = type(here.machine)(100.0, 1 << 34)
    try:
        execute(run, {"local": (executor, ExecutorTraits())}, here.machine)
    finally:
        run.close()
    assert (executor.calls["submit"], executor.calls["jobs"]) == (1, 50)


def test_the_same_run_gives_the_same_seeds_and_names_and_another_run_others(here):
    plan = graph(step("a", loop=over({"x": [1, 2]})))
    here.run(plan)
    first = {job.attempt_id: job.seed for job in here.executor.jobs.values()}
    here.run(plan)
    second = {job.attempt_id: job.seed for job in here.executor.jobs.values()}
    assert len(set(first.values()) | set(second.values())) == 4
    assert not set(first) & set(second)
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() for name in first)


def test_profiles_that_share_an_executor_call_it_from_one_thread(here):
    threads = set()

    class Watched(FakeExecutor):
        def submit(self, batch):
            threads.add(threading.get_ident())
            super().submit(batch)

        def poll(self, timeout):
            threads.add(threading.get_ident())
            return super().poll(timeout)

    run = open_run(graph(step("a"), step("b", executor="big")), here.folder, RunOptions(), file="/x/p.yaml")
    shared = Watched()
    try:
        done = execute(run, {"local": (shared, ExecutorTraits()), "big": (shared, ExecutorTraits())}, here.machine)
    finally:
        run.close()
    assert (done.state, len(threads), shared.calls["close"]) == ("succeeded", 1, 1)
