"""What the scheduler does about a stored value that is gone: who made it runs again, and nobody else."""

from __future__ import annotations

import pytest

from tests.core.dialogue import OK, World, failed, graph, step
from yamlflow.core.commands import Evaluate, Submit
from yamlflow.core.graph import Catch, Graph, Loop, Repeat, Retry, TaskId
from yamlflow.core.jobs import ARTIFACT_LOST, Failure
from yamlflow.core.messages import ArtifactLost, CancelRequested, Evaluated, Failed, State, What
from yamlflow.core.recovery import GENERATIONS, RUN

LOOP = Loop(axes=())
GONE = Failure(ARTIFACT_LOST, "it is missing", lost=("ab",))


def task(node: str, *path: int) -> TaskId:
    return TaskId(node, path)


class Lossy(World):
    """Readers whose first `times` attempts, or questions, find that `producer` has lost what it made."""

    def lose(self, reader: TaskId, *producers: TaskId, times: int = 1, what: What | None = None) -> Lossy:
        self.losses = getattr(self, "losses", {})
        self.losses[reader, what] = [producers] * times
        return self

    def report(self, task: TaskId, attempt: int) -> None:
        if not self._is_lost(task, None):
            super().report(task, attempt)
            return
        self._tell_losses(task, None)
        self.inbox.append(Failed(self.now, task, attempt, failed(ARTIFACT_LOST, lost=("ab",), final=True)))

    def evaluate(self, command: Evaluate):
        if not self._is_lost(command.task, command.what):
            return super().evaluate(command)
        self._tell_losses(command.task, command.what)
        return Evaluated(self.now, command.task, command.what, error=GONE)

    def _is_lost(self, reader: TaskId, what: What | None) -> bool:
        return bool(getattr(self, "losses", {}).get((reader, what)))

    def _tell_losses(self, reader: TaskId, what: What | None) -> None:
        for producer in self.losses[reader, what].pop():
            last = max((attempt for made, attempt in self.runs if made == producer), default=0)
            self.inbox.append(ArtifactLost(self.now, producer, last, reader, what))


def chain(**fields: object) -> Graph:
    return graph(step("a"), step("b", "a", **fields), step("c", "b"))


def names(world: World) -> list[str]:
    return [made.node for made, _ in world.runs]


def test_who_made_a_lost_value_runs_again_and_its_reader_after_it() -> None:
    world = Lossy(chain()).lose(task("b"), task("a")).run()
    assert world.runs == [(task("a"), 1), (task("b"), 1), (task("a"), 2), (task("b"), 2), (task("c"), 1)]
    assert world.ends == ["succeeded"]


def test_the_reader_uses_up_none_of_its_own_tries() -> None:
    outcomes = lambda made, attempt: failed() if made.node == "b" and attempt < 3 else OK  # noqa: E731
    world = Lossy(chain(retry=Retry(attempts=2)), outcomes).lose(task("b"), task("a")).run()
    assert [attempt for made, attempt in world.runs if made.node == "b"] == [1, 2, 3]
    assert world.ends == ["succeeded"]


def test_without_a_producer_the_failure_stands() -> None:
    world = Lossy(chain()).lose(task("b")).run()
    assert world.runs == [(task("a"), 1), (task("b"), 1)]
    assert world.state("b") == "failed"
    assert world.ends == ["failed"]


def test_a_task_is_opened_again_only_so_many_times() -> None:
    world = Lossy(chain()).lose(task("b"), task("a"), times=100).run()
    assert names(world).count("a") == 1 + GENERATIONS
    assert names(world).count("b") == 1 + GENERATIONS
    assert world.state("b") == "failed"
    assert world.ends == ["failed"]


def test_readers_that_have_succeeded_stay_and_two_that_wait_share_one_run() -> None:
    readers = [step(name, "a", rank=rank) for name, rank in (("first", 1), ("second", 0), ("third", 0))]
    world = Lossy(graph(step("a"), *readers), cpu=4.0)
    world.held = {task("second"), task("third")}
    world.begin()
    world.finish()
    world.lose(task("second"), task("a")).lose(task("third"), task("a"))
    world.report(task("second"), 1)
    world.report(task("third"), 1)
    world.held = set()
    world.finish()
    assert names(world).count("a") == 2
    assert names(world).count("first") == 1
    assert names(world).count("second") == names(world).count("third") == 2
    assert world.ends == ["succeeded"]


def test_a_reader_waits_for_all_that_it_misses() -> None:
    world = Lossy(graph(step("a"), step("b"), step("c", "a", "b"))).lose(task("c"), task("a"), task("b")).run()
    assert sorted(names(world)) == ["a", "a", "b", "b", "c", "c"]
    assert names(world)[-1] == "c"


def test_a_producer_that_cannot_read_its_own_input_waits_in_turn() -> None:
    world = Lossy(chain()).lose(task("c"), task("b"))
    world.held = {task("c")}
    world.begin()
    world.finish()
    world.lose(task("b"), task("a"))
    world.held = set()
    world.report(task("c"), 1)
    world.finish()
    assert names(world) == ["a", "b", "c", "b", "a", "b", "c"]
    assert world.ends == ["succeeded"]


def test_one_item_of_a_loop_runs_again_and_the_others_do_not() -> None:
    world = Lossy(graph(step("fan", loop=LOOP), step("join", "fan")), items={"fan": 3})
    world.lose(task("join"), task("fan", 1)).run()
    assert world.ran("fan") == [(0,), (1,), (2,), (1,)]
    assert world.ends == ["succeeded"]


def test_an_item_of_an_element_wise_loop_gets_its_own_item_back() -> None:
    nodes = step("a", loop=LOOP), step("b", "each:a", loop=LOOP)
    world = Lossy(graph(*nodes), items={"a": 3, "b": 3}).lose(task("b", 2), task("a", 2)).run()
    assert world.ran("a") == [(0,), (1,), (2,), (2,)]
    assert world.ran("b") == [(0,), (1,), (2,), (2,)]


def test_a_task_of_a_group_that_has_closed_runs_again() -> None:
    nodes = (
        step("g", children=("g.x",), loop=LOOP),
        step("x", parent="g", depth=1),
        step("after", "g"),
    )
    world = Lossy(graph(*nodes), items={"g": 2}).lose(task("after"), task("g.x", 1)).run()
    assert world.ran("g.x") == [(0,), (1,), (1,)]
    assert world.ends == ["succeeded"]


def test_a_task_of_an_earlier_round_runs_again() -> None:
    repeat = Repeat(start={}, until="u", max_rounds=2, accept_max=True)
    nodes = step("r", children=("r.x",), repeat=repeat), step("x", parent="r", depth=1)
    world = Lossy(graph(*nodes), answers=lambda asked: asked.what != "until")
    world.lose(task("r.x", 1), task("r.x", 0)).run()
    assert world.ran("r.x") == [(0,), (1,), (0,), (1,)]
    assert world.ends == ["succeeded"]


@pytest.mark.parametrize("what", ["when", "foreach"])
def test_a_question_is_asked_again_when_what_it_reads_is_there(what: What) -> None:
    fields = {"when": "w"} if what == "when" else {"loop": LOOP}
    world = Lossy(graph(step("a"), step("b", "a", **fields)), items={"b": 2}).lose(task("b"), task("a"), what=what)
    world.run()
    assert names(world).count("a") == 2
    assert world.ends == ["succeeded"]
    assert names(world)[-1] == "b"


def test_the_outputs_of_a_group_are_asked_for_again() -> None:
    nodes = step("g", children=("g.x",), outputs={"o": "steps.x"}), step("x", parent="g", depth=1)
    world = Lossy(graph(*nodes, step("after", "g"))).lose(task("g"), task("g.x"), what="outputs").run()
    assert names(world) == ["g.x", "g.x", "after"]
    assert world.ends == ["succeeded"]


def test_after_the_end_a_value_that_an_output_needs_is_made_again_and_the_end_told_once_more() -> None:
    world = Lossy(chain()).run()
    assert world.ends == ["succeeded"]
    world.tell(ArtifactLost(1.0, task("b"), 1, RUN, "outputs"))
    world.tell(Evaluated(1.0, RUN, "outputs", error=GONE))
    assert world.ends == ["succeeded"]
    world.finish()
    assert names(world) == ["a", "b", "c", "b"]
    assert world.ends == ["succeeded", "succeeded"]


def test_an_output_that_nobody_can_make_again_ends_the_run_all_the_same() -> None:
    world = Lossy(chain()).run()
    world.tell(Evaluated(1.0, RUN, "outputs", error=GONE))
    assert world.ends == ["succeeded", "succeeded"]


def test_a_kept_result_whose_value_is_gone_is_really_made_now() -> None:
    world = Lossy(chain(), start={"lookup": True}, done={task("a"): State.SUCCEEDED}).lose(task("b"), task("a")).run()
    assert world.runs[:3] == [(task("b"), 1), (task("a"), 1), (task("b"), 2)]
    assert world.ends == ["succeeded"]


def test_a_producer_that_fails_this_time_fails_its_reader_and_the_run() -> None:
    outcomes = lambda made, attempt: failed() if (made.node, attempt) == ("a", 2) else OK  # noqa: E731
    world = Lossy(chain(), outcomes).lose(task("b"), task("a")).run()
    assert world.state("a") == world.state("b") == "failed"
    assert world.state("c") == "upstream_failed"
    assert world.ends == ["failed"]


def test_a_producer_is_tried_again_as_often_as_the_first_time() -> None:
    outcomes = lambda made, attempt: failed() if (made.node, attempt) == ("a", 2) else OK  # noqa: E731
    nodes = step("a", retry=Retry(attempts=2)), step("b", "a")
    world = Lossy(graph(*nodes), outcomes).lose(task("b"), task("a")).run()
    assert [attempt for made, attempt in world.runs if made.node == "a"] == [1, 2, 3]
    assert world.ends == ["succeeded"]


def test_what_stands_in_for_a_producer_that_fails_is_what_its_reader_gets() -> None:
    outcomes = lambda made, attempt: failed() if (made.node, attempt) == ("a", 2) else OK  # noqa: E731
    world = Lossy(graph(step("a", catch=Catch(value=0)), step("b", "a")), outcomes).lose(task("b"), task("a")).run()
    assert world.state("a") == "caught"
    assert world.state("b") == "succeeded"


def test_a_question_whose_producer_fails_is_a_failure_too() -> None:
    outcomes = lambda made, attempt: failed() if (made.node, attempt) == ("a", 2) else OK  # noqa: E731
    world = Lossy(graph(step("a"), step("b", "a", when="w")), outcomes).lose(task("b"), task("a"), what="when").run()
    assert world.state("b") == "failed"
    assert world.ends == ["failed"]


def waiting(*, held: str = "a") -> Lossy:
    """`b` waits because `a` runs again, and `a` does not come to an end."""
    world = Lossy(graph(step("a"), step("b", "a"), step("other")), cpu=2.0)
    world.held = {task("other")}
    world.lose(task("b"), task("a"))
    world.begin()
    for _ in range(3):  # a starts, a ends, b starts
        world.tell(world.inbox.pop(0))
    world.held.add(task(held))
    world.finish()
    return world


def test_a_cancel_ends_the_task_that_runs_again_and_its_reader() -> None:
    world = waiting()
    assert world.flight == {task("a"): 2, task("other"): 1}
    world.tell(CancelRequested(1.0, "stop"))
    world.finish()
    assert world.state("b") == "cancelled"
    assert not world.flight
    assert world.ends == ["cancelled"]


def test_a_failure_elsewhere_ends_the_reader_and_waits_for_who_runs_again() -> None:
    world = waiting()
    world.tell(Failed(1.0, task("other"), 1, failed()))
    world.finish()
    assert world.ends == [], "a still runs"
    world.held = set()
    world.report(task("a"), 2)
    world.finish()
    assert names(world).count("b") == 1
    assert world.ends == ["failed"]


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    world = Lossy(graph(step("a"), step("b", "a"), step("other", rank=9)), cpu=1.0)
    world.held = {task("other")}
    world.begin()
    assert names(world) == ["other"]
    world.tell(Failed(0.0, task("other"), 1, failed()))
    world.finish()
    assert names(world) == ["other"]
    world = Lossy(graph(step("a"), step("b", "a"), step("hog", "a", rank=9)), cpu=2.0).lose(task("b"), task("a"))
    world.held = {task("hog")}
    world.begin()
    while task("b") not in world.flight:
        world.tell(world.inbox.pop(0))
    world.tell(CancelRequested(1.0, "stop", drain=True))
    world.finish()
    assert names(world).count("a") == 1


def test_an_exclusive_step_stays_exclusive_while_one_of_its_items_runs_again() -> None:
    alone = Loop(axes=(), max_parallel=1)
    nodes = step("a", loop=alone), step("b", "each:a", loop=LOOP)
    world = Lossy(graph(*nodes), items={"a": 3, "b": 3}, cpu=8.0).lose(task("b", 0), task("a", 0))
    world.begin()
    while world.inbox:
        assert sum(made.node == "a" for made in world.flight) <= 1
        world.tell(world.inbox.pop(0))
    assert world.ran("a").count((0,)) == 2
    assert world.ends == ["succeeded"]


def test_a_late_report_about_the_first_generation_changes_nothing() -> None:
    world = waiting()
    assert world.scheduler.handle(Failed(1.0, task("a"), 1, failed())) == []
    world.held = set()
    world.report(task("a"), 2)
    world.report(task("other"), 1)
    assert world.finish().ends == ["succeeded"]


def test_a_new_generation_leaves_with_a_number_of_its_own() -> None:
    world = Lossy(chain()).lose(task("b"), task("a"), times=2).run()
    sent = [command for command in world.commands if isinstance(command, Submit)]
    assert [command.attempt for command in sent if command.tasks == (task("a"),)] == [1, 2, 3]
