"""Runs seen from outside: history, values, attempts; plans; settings; this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.bench import Bench, bad, bench, graph, ok, over, step
from yamlflow.core.errors import SetupError, UsageError
from yamlflow.core.graph import Axis, Catch, Loop, Repeat, Resources, Retry, TaskId
from yamlflow.core.messages import State
from yamlflow.engine import api, machine
from yamlflow.engine.runs import history
from yamlflow.engine.runs.folder import find_folder
from yamlflow.engine.runs.plan import plan as make_plan
from yamlflow.engine.runs.selection import Selection
from yamlflow.engine.settings import read_settings


@pytest.fixture
def here(tmp_path) -> Bench:
    return bench(tmp_path)


PLAN = graph(
    step("a", inputs={"x": "each.x"}, loop=over({"x": ["p", "q"]}), retry=Retry(attempts=2)),
    step("g", children=("g.s",), loop=over({"k": [1, 2]}), outputs={"v": "steps.s"}),
    step("s", parent="g", depth=1, inputs={"k": "each.k"}),
    step("c", catch=Catch("stand-in")),
)
ANSWERS = {"a": lambda job: {"auc": job.inputs["x"]}, "g.s": lambda job: job.inputs["k"] * 10, "c": bad()}


def test_another_process_sees_the_same_view(here):
    done = here.run(PLAN, ANSWERS)
    with here.folder.look() as state:
        view = history.view_of(state, state.find_run())
    assert {name: step.counts for name, step in view.steps.items()} == {
        name: step.counts for name, step in done.view.steps.items()
    }
    assert (view.state, view.totals()) == ("succeeded", done.view.totals())


def test_a_follower_folds_only_what_is_new(here):
    done = here.run(PLAN, ANSWERS)
    with here.folder.look() as state:
        follower = history.Follower(state, state.find_run())
        assert follower.catch_up()
        assert not follower.catch_up()
        assert follower.view.state == done.state


def test_values_are_read_back_with_their_shape(here):
    here.run(PLAN, ANSWERS)
    with here.folder.look() as state:
        made = history.values_of(state, state.find_run())
    steps = made.outline.steps
    assert made.values.document(steps["a"]) == [{"auc": "p"}, {"auc": "q"}]
    assert made.values.document(steps["g"]) == [{"v": 10}, {"v": 20}]
    assert made.values.document(steps["c"]) == "stand-in"
    assert history.value_at(made, TaskId("a", (1,)), ("auc",)) == "q"
    with pytest.raises(KeyError):
        history.value_at(made, TaskId("a", (1,)), ("nope",))


def test_values_of_a_resumed_run_include_what_was_kept(here):
    first = here.run(PLAN, {**ANSWERS, "a": lambda job: bad() if job.inputs["x"] == "q" else ok(1)})
    here.resume(PLAN, first.run_id, {**ANSWERS, "a": 2})
    with here.folder.look() as state:
        made = history.values_of(state, state.find_run())
    assert made.values.document(made.outline.steps["a"]) == [1, 2]


def test_every_attempt_is_listed_with_its_log(here):
    first = here.run(PLAN, {**ANSWERS, "a": lambda job: bad("no") if job.inputs["x"] == "q" else ok(1)})
    names = list(here.executor.jobs)
    here.resume(PLAN, first.run_id, ANSWERS)
    names += list(here.executor.jobs)
    with here.folder.look() as state:
        record = state.find_run()
        attempts = history.attempts_of(here.folder, state, record)
    assert [attempt.name for attempt in attempts] == names
    assert attempts[0].log == here.folder.run(record.id) / "logs" / f"{attempts[0].name}.log"
    assert all(attempt.outcome is not None and attempt.started is not None for attempt in attempts)


def test_a_person_chooses_tasks_by_name(here):
    done = here.run(PLAN, ANSWERS)
    assert history.choose(done.view, "a[q].auc")[1] == [TaskId("a", (1,))]
    assert history.choose(done.view, "g")[1] == [TaskId("g.s", (0,)), TaskId("g.s", (1,))]
    with pytest.raises(UsageError, match="there is no step 'zz'"):
        history.choose(done.view, "zz")


def test_the_state_folder_is_found_from_any_subfolder_and_is_private(tmp_path, here):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert find_folder(tmp_path / "deep" / "er", environ={}).path == tmp_path / ".yamlflow"
    assert find_folder(tmp_path, environ={"YAMLFLOW_STATE_DIR": "/elsewhere"}).path.as_posix() == "/elsewhere"
    assert (
        find_folder(tmp_path, tmp_path / "given", environ={"YAMLFLOW_STATE_DIR": "/elsewhere"}).path
        == tmp_path / "given"
    )
    with pytest.raises(UsageError, match="there is no run yet"):
        here.folder.look()
    assert not here.folder.path.exists()
    here.run(graph(step("a")))
    assert (here.folder.path / ".gitignore").read_text() == "*\n"
    assert here.folder.path.stat().st_mode & 0o777 == 0o700


# --- plans ---


def counts(plan):
    return {step.id: step.tasks for step in plan.steps}


def test_a_plan_counts_what_is_known_before_the_run():
    known = make_plan(
        graph(
            step("src"),
            step("lit", loop=over({"a": [1, 2], "b": "range(params.n)"})),
            step("some", loop=over({"a": [1, 2, 3]}, where="each.a > 1")),
            step("g", children=("g.f",), loop=over({"x": "params.xs"})),
            step("f", parent="g", depth=1, loop=over({"k": [1, 2]})),
            step("open", "src", loop=over({"x": "steps.src"})),
            step("after", "each:open", loop=Loop((Axis(("x",), ("steps.open",)),), elementwise="open")),
            params={"n": 5, "xs": ["a", "b", "c"]},
        ),
        Selection(),
    )
    assert counts(known) == {"src": 1, "lit": 10, "some": 2, "g": 3, "g.f": 6, "open": None, "after": None}
    assert (known.tasks, known.open_ended) == (19, True)


def test_rounds_make_a_plan_open_ended():
    rounds = make_plan(
        graph(step("g", children=("g.s",), repeat=Repeat({}, "true", 7)), step("s", parent="g", depth=1)), Selection()
    )
    assert counts(rounds) == {"g": 1, "g.s": None}
    assert rounds.steps[0].rounds == 7


def test_too_many_items_are_an_error_before_the_run_nested_loops_multiplied():
    nested = graph(
        step("g", children=("g.f",), loop=over({"x": "range(200)"})),
        step("f", parent="g", depth=1, loop=over({"k": "range(100)"})),
    )
    with pytest.raises(UsageError, match=r"step g.f would have 20,000 items, more than max_items \(10,000\)"):
        make_plan(nested, Selection())
    assert make_plan(nested, Selection(), max_items=20_000).tasks == 20_000


def test_a_plan_says_whose_results_are_reused():
    chain = graph(step("a"), step("b", "a"), step("c", "b"))
    chosen = make_plan(chain, Selection(only=("b",)))
    assert [(step.id, step.reused) for step in chosen.steps] == [("a", True), ("b", False)]


# --- settings ---


def test_flags_go_before_variables_before_project_before_user_before_defaults(tmp_path):
    (tmp_path / "user" / "yamlflow").mkdir(parents=True)
    (tmp_path / "user" / "yamlflow" / "config.toml").write_text(
        "max_workers = 1\nmax_items = 1\nclamp = true\ncolor = 'never'\n"
    )
    (tmp_path / "yamlflow.toml").write_text("max_workers = 2\nmax_items = 2\nclamp = false\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "user"), "YAMLFLOW_MAX_WORKERS": "3", "YAMLFLOW_MAX_ITEMS": "3"}
    found = read_settings(tmp_path, {"max_workers": 4, "max_items": None}, environ)
    assert [found[name] for name in ("max_workers", "max_items", "clamp", "color", "overlap")] == [
        4,
        3,
        False,
        "never",
        "allow",
    ]
    origins = [found.origin(name) for name in ("max_workers", "max_items", "clamp", "overlap")]
    assert origins == ["--max-workers", "YAMLFLOW_MAX_ITEMS", str(tmp_path / "yamlflow.toml"), "default"]


def test_profiles_of_the_project_go_before_those_of_the_user(tmp_path):
    (tmp_path / "yamlflow").mkdir()
    (tmp_path / "yamlflow" / "config.toml").write_text(
        "[executors.aws]\ntype = 'batch'\n[executors.mine]\ntype = 'local'\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.yamlflow.executors.aws]\ntype = 'local'\n")
    found = read_settings(tmp_path, {}, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert {
        name: (setting.value["type"], setting.origin.rpartition("/")[2]) for name, setting in found.executors.items()
    } == {
        "aws": ("local", "pyproject.toml [tool.yamlflow]"),
        "mine": ("local", "config.toml"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_worker = 3", "there is no setting `max_worker`"),
        ("max_workers = 'three'", "`max_workers` is 'three', not a whole number"),
        ("max_workers = 0", "`max_workers` is 0, not a whole number above 0"),
        ("clamp = 1", "`clamp` is 1, not true or false"),
        ("max_workers = ", "yamlflow.toml: Invalid value"),
        ("executors = 3", "`executors` is a table of tables"),
    ],
)
def test_a_wrong_setting_names_its_file(tmp_path, text, said):
    (tmp_path / "yamlflow.toml").write_text(text)
    with pytest.raises(SetupError, match=r"yamlflow\.toml") as wrong:
        read_settings(tmp_path, {}, {})
    assert said in wrong.value.message


@pytest.mark.parametrize("text", ["many", "0", "-1"])
def test_a_wrong_variable_is_an_error(text):
    with pytest.raises(UsageError, match=f"YAMLFLOW_MAX_WORKERS={text}: not a whole number above 0"):
        read_settings(Path("/nowhere"), {}, {"YAMLFLOW_MAX_WORKERS": text})


def test_a_run_from_python_has_at_least_one_worker():
    with pytest.raises(UsageError, match="max_workers is 0"):
        api.run("/nowhere/pipeline.yaml", max_workers=0)


# --- this machine ---


def test_a_quota_of_the_control_group_counts(tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(str(1 << 28))
    assert machine.cores(tmp_path) in (1.0, 1.5)
    assert machine.memory_bytes(tmp_path) == 1 << 28
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.cores(tmp_path) >= 1
    assert machine.memory_bytes(tmp_path) > 1 << 28


def test_what_is_configured_goes_before_what_is_found():
    made = machine.this_machine(cpu=0.5, memory=7, gpus={"3": ("a100", 1)})
    assert (made.cpu, made.memory, made.gpus) == (0.5, 7, {"3": ("a100", 1)})


def test_resources_are_shown_in_words():
    assert machine.shown(Resources(cpu=1.5, memory=3 << 29)) == "1.5 cores, 1.5 GiB"


def test_a_step_of_a_running_view_is_running(here):
    done = here.run(PLAN, ANSWERS)
    assert {view.step.id: view.state for view in done.view.top()} == {
        "a": State.SUCCEEDED,
        "g": State.SUCCEEDED,
        "c": State.CAUGHT,
    }


def test_attempts_say_which_were_of_what_catch_runs(here):
    ends = iter([bad(reason="lost"), bad(), bad(reason="lost"), ok()])
    here.run(graph(step("a", catch=Catch(callable="m:rescue"))), {"a": lambda _job: next(ends)})
    with here.folder.look() as state:
        attempts = history.attempts_of(here.folder, state, state.find_run())
    assert [(one.attempt, one.rescue) for one in attempts] == [(1, False), (2, False), (3, True), (4, True)]
