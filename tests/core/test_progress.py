from __future__ import annotations

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import UNSTARTED, Failure, Outcome, Usage
from yamlflow.core.messages import (
    ArtifactLost,
    Evaluated,
    ExecutorDown,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Machine,
    Marked,
    Progressed,
    Replaced,
    Restored,
    RunEnded,
    RunStarted,
    Started,
    State,
    Submitted,
    Succeeded,
)
from yamlflow.core.outline import Outline, Step, outline_from_json, outline_to_json
from yamlflow.core.progress import RunView

PLAN = Outline(
    "demo",
    {
        step.id: step
        for step in [
            Step("prep", "prep", "", 0),
            Step("by", "by", "", 0, group=True, names=("region",)),
            Step("by.split", "split", "by", 1),
            Step("by.fit", "fit", "by", 1, names=("model", "fold")),
            Step("loop", "loop", "", 0, group=True, rounds=True),
            Step("loop.try", "try", "loop", 1),
            Step("page", "page", "", 0, hook="on_failure"),
        ]
    },
)
BEGIN = RunStarted(100.0, Machine(4, 1), {})


def seen(*events) -> RunView:
    view = RunView(PLAN)
    for event in (BEGIN, *events):
        view.fold(event)
    return view


def task(node, *path):
    return TaskId(node, path)


def ran(at, what, outcome=None, attempt=1):
    kind = Failed if outcome is not None and outcome.state == "failed" else Succeeded
    return [
        Submitted(at, what, attempt),
        Started(at + 1, what, attempt),
        kind(at + 3, what, attempt, outcome or Outcome("succeeded", usage=Usage(1.5, 1.0, 500))),
    ]


def broke(message="boom", **fields):
    return Outcome("failed", failure=Failure(fields.pop("reason", "error"), message, **fields))


def test_a_task_moves_from_pending_over_running_to_its_end():
    view = RunView(PLAN)
    assert view.steps["prep"].state is State.PENDING
    states = []
    for event in (BEGIN, *ran(101.0, task("prep"))):
        view.fold(event)
        states.append(view.steps["prep"].state)
    assert states == [State.PENDING, State.RUNNING, State.RUNNING, State.SUCCEEDED]
    step = view.steps["prep"]
    assert (step.total, step.done, step.clock.seconds(), step.peak_memory) == (1, 1, 2.0, 500)
    assert view.running == {}


def test_totals_grow_with_what_is_known_of_the_loops():
    view = seen()
    assert (view.steps["by"].total, view.steps["by"].unexpanded, view.steps["by.split"].total) == (0, 1, 0)
    view.fold(ItemsKnown(101.0, task("by"), 3, ("eu", "us", "jp")))
    assert (view.steps["by"].total, view.steps["by.split"].total, view.steps["by.fit"].unexpanded) == (3, 3, 3)
    view.fold(ItemsKnown(102.0, task("by.fit", 0), 10))
    assert (view.steps["by.fit"].total, view.steps["by.fit"].unexpanded) == (10, 2)


def test_the_steps_of_a_group_item_that_never_opened_do_not_count():
    view = seen(
        ItemsKnown(101.0, task("by"), 2),
        Marked(102.0, task("by", 0), State.RUNNING),
        Marked(103.0, task("by", 1), State.SKIPPED),
    )
    assert (view.steps["by.split"].total, view.steps["by.fit"].unexpanded) == (1, 1)


def test_rounds_are_counted_as_they_begin():
    view = seen(Evaluated(101.0, task("loop"), "start"), Marked(101.0, task("loop", 0), State.RUNNING))
    assert view.steps["loop.try"].total == 1
    view.fold(Marked(103.0, task("loop", 1), State.RUNNING))
    assert view.steps["loop.try"].total == 2


def test_a_loop_that_is_skipped_whole_is_over():
    view = seen(
        ItemsKnown(101.0, task("by"), 1),
        Marked(101.0, task("by", 0), State.RUNNING),
        Marked(102.0, task("by.fit", 0), State.SKIPPED),
    )
    assert (view.steps["by.fit"].unexpanded, view.steps["by.fit"].state) == (0, State.SKIPPED)


def test_the_same_failure_of_many_tasks_is_one_group():
    events = [ItemsKnown(101.0, task("by"), 1), ItemsKnown(101.0, task("by.fit", 0), 3)]
    for index in range(2):
        events += ran(102.0 + index, task("by.fit", 0, index), broke("no such file"))
    events += ran(110.0, task("by.fit", 0, 2), broke("too big", reason="oom"))
    groups = seen(*events).failure_groups()
    assert [(group.first.failure.message, len(group.tasks)) for group in groups] == [
        ("no such file", 2),
        ("too big", 1),
    ]


def test_a_retried_failure_is_no_failure_any_more():
    view = seen(
        *ran(101.0, task("prep"), broke()),
        Marked(105.0, task("prep"), State.WAITING, "error"),
        *ran(106.0, task("prep"), attempt=2),
    )
    assert (view.failures, view.steps["prep"].retries, view.steps["prep"].state) == ({}, 1, State.SUCCEEDED)


def test_a_caught_failure_is_shown_as_caught():
    view = seen(*ran(101.0, task("prep"), broke()), Marked(105.0, task("prep"), State.CAUGHT, "error"))
    assert (view.failures, view.steps["prep"].state) == ({}, State.CAUGHT)


def test_a_failure_that_no_attempt_reported_has_words():
    view = seen(Marked(105.0, task("loop"), State.FAILED, "not_converged"))
    (failed,) = view.failures.values()
    assert (failed.failure.reason, failed.failure.message) == (
        "not_converged",
        "`until` was still false after the last round",
    )


def test_a_condition_that_cannot_be_evaluated_keeps_its_own_words():
    view = seen(
        Evaluated(101.0, task("prep"), "when", error=Failure("error", "no field `x`")),
        Marked(101.0, task("prep"), State.FAILED, "error"),
    )
    assert [failed.failure.message for failed in view.failures.values()] == ["no field `x`"]


def test_what_a_running_task_says_is_kept_until_it_ends():
    view = seen(
        Submitted(101.0, task("prep"), 1),
        Started(102.0, task("prep"), 1),
        Progressed(103.0, task("prep"), "epoch 1", 0.5),
    )
    assert (view.running[task("prep")].message, view.running[task("prep")].fraction) == ("epoch 1", 0.5)
    view.fold(Progressed(104.0, task("prep"), "epoch 2"))
    assert (view.running[task("prep")].message, view.running[task("prep")].fraction) == ("epoch 2", 0.5)
    view.fold(Replaced(105.0, task("prep"), 1, "spot"))
    assert view.running[task("prep")].waiting == "replaced: spot"


def test_a_resume_begins_anew():
    view = seen(
        *ran(101.0, task("prep"), broke()),
        RunEnded(110.0, "failed"),
        RunStarted(200.0, Machine(4, 1), {}),
        Restored(201.0, task("prep")),
    )
    assert (view.failures, view.state, view.started, view.steps["prep"].restored) == ({}, "running", 200.0, 1)
    assert view.steps["prep"].counts == {State.SUCCEEDED: 1}


def test_hooks_count_when_they_run():
    view = seen(*ran(101.0, task("page")))
    assert (view.steps["page"].total, view.steps["page"].done) == (1, 1)
    assert "page" not in [step.step.id for step in view.top()]


def test_an_executor_that_is_away_is_named_until_it_is_back():
    view = seen(ExecutorDown(101.0, "aws", "no route"))
    assert view.down == {"aws": "no route"}
    view.fold(ExecutorUp(102.0, "aws"))
    assert view.down == {}


def test_times_and_totals_of_the_run():
    view = seen(*ran(101.0, task("prep")), RunEnded(160.0, "succeeded"))
    assert (view.state, view.seconds, view.totals()) == (
        "succeeded",
        60.0,
        {State.SUBMITTED: 0, State.RUNNING: 0, State.SUCCEEDED: 1},
    )


def test_an_outline_survives_json_and_grows_new_fields_with_defaults():
    assert outline_from_json(outline_to_json(PLAN)) == PLAN
    older = outline_to_json(PLAN)
    older["steps"] = [row[:5] for row in older["steps"]]
    assert outline_from_json(older).steps["by"].names is None


def test_a_task_that_runs_again_because_its_value_was_lost_is_counted_as_that_and_not_as_a_retry() -> None:
    prep, reader = TaskId("prep", ()), TaskId("by.split", (0,))
    loss = ArtifactLost(104.0, prep, 1, reader, digest="ab", why="missing")
    failure = Outcome("failed", failure=Failure("artifact_lost", "is missing", lost=("ab",)))
    view = seen(
        Submitted(101.0, prep, 1),
        Succeeded(102.0, prep, 1, Outcome("succeeded")),
        Submitted(103.0, reader, 1),
        loss,
        Failed(104.0, reader, 1, failure),
        Marked(104.0, prep, State.READY, "artifact_lost"),
        Marked(104.0, reader, State.WAITING, "artifact_lost"),
        Submitted(105.0, prep, 2),
        Succeeded(106.0, prep, 2, Outcome("succeeded")),
        Submitted(107.0, reader, 2),
    )
    assert view.losses == {prep: loss}
    assert (view.steps["prep"].again, view.steps["prep"].retries, view.steps["by.split"].retries) == (1, 0, 0)
    assert view.steps["prep"].counts[State.SUCCEEDED] == 1
    assert not view.failures


def test_an_attempt_that_never_began_is_none_and_its_task_waits_again() -> None:
    what = task("prep")
    view = seen(Submitted(101.0, what, 1), Lost(102.0, what, 1, UNSTARTED))

    assert (view.running, view.failures, view.steps["prep"].clock.seconds(103.0)) == ({}, {}, 0.0)
    for event in ran(103.0, what):
        view.fold(event)
    assert (view.steps["prep"].state, view.steps["prep"].retries) == (State.SUCCEEDED, 0)


def seconds(view: RunView, now: float | None = None) -> dict[str, float]:
    return {name: step.clock.seconds(now) for name, step in view.steps.items() if step.clock.seconds(now)}


def test_the_time_of_a_step_is_that_in_which_something_of_it_ran() -> None:
    first, second = task("by.fit", 0, 0), task("by.fit", 0, 1)
    view = seen(
        ItemsKnown(101.0, task("by"), 1),
        Marked(101.0, task("by", 0), State.RUNNING),
        ItemsKnown(101.0, task("by.fit", 0), 3),
        Started(110.0, first, 1),
        Started(112.0, second, 1),
        Succeeded(113.0, first, 1, Outcome("succeeded")),
        Succeeded(115.0, second, 1, Outcome("succeeded")),
    )
    assert seconds(view) == {"by.fit": 5.0, "by": 5.0}, "both at once count once, and a group what is inside"
    third = task("by.fit", 0, 2)
    for event in (Submitted(120.0, third, 1), Started(150.0, third, 1)):
        view.fold(event)
    assert seconds(view, 152.0) == {"by.fit": 7.0, "by": 7.0}, "from 115 to 150 nothing ran"
    view.fold(Succeeded(154.0, third, 1, Outcome("succeeded")))
    assert seconds(view, 999.0) == {"by.fit": 9.0, "by": 9.0}


def test_the_pause_before_a_retry_and_the_search_for_a_new_machine_are_no_running_time() -> None:
    what = task("prep")
    view = seen(
        *ran(101.0, what, broke()),
        Marked(104.0, what, State.WAITING, "error"),
        Submitted(164.0, what, 2),
        Started(165.0, what, 2),
        Replaced(166.0, what, 2, "spot"),
        Started(196.0, what, 2),
        Succeeded(197.0, what, 2, Outcome("succeeded")),
    )
    assert seconds(view) == {"prep": 2.0 + 1.0 + 1.0}


def test_tasks_whose_news_come_late_and_together_count_as_long_as_they_say() -> None:
    events = [ItemsKnown(101.0, task("by"), 1), ItemsKnown(101.0, task("by.fit", 0), 2)]
    for index in (0, 1):
        what = task("by.fit", 0, index)
        events += [Started(110.0, what, 1), Succeeded(110.0, what, 1, Outcome("succeeded", usage=Usage(2.0)))]
    assert seconds(seen(*events))["by.fit"] == 2.0, "never more than has passed"


def test_a_step_none_of_whose_tasks_runs_does_not_say_that_it_runs() -> None:
    events = [ItemsKnown(101.0, task("by"), 1), ItemsKnown(101.0, task("by.fit", 0), 2)]
    view = seen(*events, *ran(102.0, task("by.fit", 0, 0)))
    assert view.steps["by.fit"].state is State.WAITING
    view.fold(Submitted(110.0, task("by.fit", 0, 1), 1))
    assert view.steps["by.fit"].state is State.RUNNING


def test_a_step_between_two_attempts_is_waiting() -> None:
    view = seen(*ran(101.0, task("prep"), broke()), Marked(105.0, task("prep"), State.WAITING, "error"))
    assert view.steps["prep"].state is State.WAITING
