"""Stopping a run: signals, other terminals, time; what is refused before anything starts."""

from __future__ import annotations

import threading
import time

import pytest

from tests.engine.bench import Bench, action, bench, graph, over, step
from yamlflow.core.errors import SetupError, StateError, TemporaryError, UsageError
from yamlflow.core.graph import Gpu, Resources
from yamlflow.core.messages import ExecutorTraits, Machine, State
from yamlflow.engine.run import execute
from yamlflow.engine.runs import history
from yamlflow.engine.runs.opening import RunOptions, open_run, reopen_run
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.store.locks import take


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


def held(here, plan, during, **options):
    """Runs with the steps `a` held; `during(run, executor)` is called once one has started."""
    run = open_run(plan, here.folder, RunOptions(**options), file="/x/pipeline.yaml")
    executor = FakeExecutor(FakeOptions(held=frozenset({"a"})))
    called = threading.Event()

    def watch(view, _events):
        if any(one.started for one in view.running.values()) and not called.is_set():
            called.set()
            during(run, executor)

    try:
        return execute(run, {"local": (executor, ExecutorTraits())}, here.machine, watch), executor
    finally:
        run.close()


def test_a_stop_cancels_what_runs_and_starts_nothing_new(here):
    done, executor = held(here, graph(step("a"), step("b", "a")), lambda run, _: run.stop("interrupted"))
    assert (done.state, done.exit_code) == ("cancelled", 130)
    assert done.view.steps["a"].state is State.CANCELLED
    assert executor.calls["jobs"] == 1


def test_a_second_stop_kills(here):
    def twice(run, _executor):
        run.stop("interrupted")
        run.stop("interrupted")

    done, executor = held(here, graph(step("a")), twice)
    assert done.state == "cancelled"
    assert executor.calls["kill"] == 1


def test_a_third_stop_leaves_at_once(here):
    def thrice(run, _executor):
        for _ in range(3):
            run.stop("interrupted")

    done, _ = held(here, graph(step("a")), thrice)
    assert done.state == "interrupted"
    with here.folder.make() as state:
        assert history.state_of(here.folder, state.find_run()) == "interrupted"


def test_a_drained_run_lets_running_tasks_finish(here):
    def drain(run, executor):
        run.stop("drain", drain=True)
        executor.release()

    done, _ = held(here, graph(step("a"), step("b", "a")), drain)
    assert done.view.steps["a"].state is State.SUCCEEDED
    assert done.view.steps["b"].state is State.CANCELLED


def test_another_terminal_can_cancel_and_see_who_holds_the_run(here):
    seen = []

    def cancel(run, _executor):
        with here.folder.look() as state:
            record = history.cancel(here.folder, state, None)
            seen.append((record.id == run.id, history.state_of(here.folder, record)))

    done, _ = held(here, graph(step("a")), cancel)
    assert (done.state, seen) == ("cancelled", [(True, "running")])


def test_a_request_to_one_launcher_says_nothing_to_the_next(here):
    def cancel(_run, _executor):
        with here.folder.look() as state:
            history.cancel(here.folder, state, None)

    plan = graph(step("a"))
    first, _ = held(here, plan, cancel)
    assert first.state == "cancelled"
    again = reopen_run(plan, here.folder, first.run_id, RunOptions())
    try:
        done = execute(again, {"local": (FakeExecutor(), ExecutorTraits())}, here.machine)
    finally:
        again.close()
    assert done.state == "succeeded"


def test_cancelling_what_is_over_is_an_error(here):
    done = here.run(graph(step("a")))
    with here.folder.look() as state:
        with pytest.raises(UsageError, match="no run is going on"):
            history.cancel(here.folder, state, None)
        with pytest.raises(UsageError, match="is not going on: it is succeeded"):
            history.cancel(here.folder, state, done.run_id)


def test_max_time_ends_a_run(here):
    begun = time.monotonic()
    done, _ = held(here, graph(step("a")), lambda *_: None, max_time=0.2)
    assert done.state == "cancelled"
    assert time.monotonic() - begun < 5


def test_a_second_run_that_must_not_overlap_is_told_who_runs_it(here):
    plan = graph(step("a"))

    def again(run, executor):
        with pytest.raises(TemporaryError, match=r"pipeline test is held by pid \d+ on host .* since 20.* \(run "):
            open_run(plan, here.folder, RunOptions(overlap="fail"), file="/x/pipeline.yaml")
        open_run(plan, here.folder, RunOptions(overlap="allow"), file="/x/pipeline.yaml").close()
        executor.release()

    done, _ = held(here, plan, again)
    assert done.state == "succeeded"


def test_waiting_for_the_other_run_ends_when_it_does(here):
    plan = graph(step("a"))
    lock = take(here.folder.pipeline_lock("test"), "pipeline test", since="now")
    threading.Timer(0.2, lock.release).start()
    with pytest.raises(TemporaryError):
        open_run(plan, here.folder, RunOptions(overlap="wait", overlap_wait=0.01), file="/x/p.yaml")
    open_run(plan, here.folder, RunOptions(overlap="wait", overlap_wait=10), file="/x/p.yaml").close()


def test_more_than_the_machine_has_is_refused_before_anything_starts(here):
    plan = graph(step("a"), step("big", resources=Resources(cpu=64)))
    with pytest.raises(SetupError, match=r"step big asks for 64 cores of 4") as refused:
        here.run(plan)
    assert "--clamp" in str(refused.value.hint)
    assert here.executor.jobs == {}
    with here.folder.look() as state:
        assert state.runs() == []


def test_clamp_cuts_requests_to_what_is_there(here):
    here.machine = Machine(4.0, 1 << 30, {"0": ("NVIDIA A100", 40 << 30)})
    plan = graph(step("big", resources=Resources(cpu=64, memory=1 << 40, gpu=Gpu(3))))
    assert here.run(plan, clamp=True).state == "succeeded"
    (job,) = here.executor.jobs.values()
    assert (job.grant.cpu, job.grant.memory, job.grant.gpus) == (4.0, 1 << 30, ("0",))


def test_too_many_items_are_an_error_before_any_of_the_tasks(here):
    plan = graph(step("src"), step("a", "src", loop=over({"x": "steps.src"})))
    done = here.run(plan, {"src": list(range(20))}, max_items=19)
    (failed,) = done.view.failures.values()
    assert "foreach has 20 items, more than max_items (19)" in failed.failure.message
    assert here.ran() == ["src"]


def test_a_clean_environment_gets_the_variables_that_are_passed(here, monkeypatch):
    monkeypatch.setenv("PROXY", "http://p")
    clean = {"local": {"type": "local", "env_inherit": False}}
    here.run(graph(step("a", action=action(env_pass=("PROXY", "NOPE"))), profiles=clean))
    (job,) = here.executor.jobs.values()
    assert (job.env, job.env_inherit) == ({"PROXY": "http://p"}, False)


def test_a_watcher_that_fails_does_not_end_the_run(here):
    run = open_run(graph(step("a")), here.folder, RunOptions(), file="/x/p.yaml")

    def broken(_view, _events):
        raise BrokenPipeError

    try:
        done = execute(run, {"local": (FakeExecutor(), ExecutorTraits())}, here.machine, broken)
    finally:
        run.close()
    assert done.state == "succeeded"


def test_an_executor_that_raises_ends_the_run_as_a_bug(here):
    class Broken(FakeExecutor):
        def submit(self, batch):
            raise ZeroDivisionError

    run = open_run(graph(step("a")), here.folder, RunOptions(), file="/x/p.yaml")
    try:
        with pytest.raises(RuntimeError, match="executor local failed: ZeroDivisionError"):
            execute(run, {"local": (Broken(), ExecutorTraits())}, here.machine)
    finally:
        run.close()


def test_state_that_cannot_be_written_stops_the_run(here):
    def spoil(run, executor):
        run.state._connection.execute("PRAGMA query_only = 1")
        executor.release()

    with pytest.raises(StateError) as stopped:
        held(here, graph(step("a"), step("b", "a")), spoil)
    assert stopped.value.exit_code == 74
