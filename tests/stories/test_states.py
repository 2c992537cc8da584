"""States: every row of the table, under each needs_policy, plain, through foreach and through a group."""

from __future__ import annotations

import pytest

from tests.stories.projects import Project

TASKS = """
    import yamlflow

    def ok(x=1):
        return 5
    def skip(x=1):
        raise yamlflow.Skip("nothing to do")
    def fail(x=1):
        raise ValueError("no")
    def third_fails(x=1):
        if x == 2:
            raise ValueError("no")
        return x
    def strict(v: int) -> int:
        return v
    def coalesced(v: int) -> int:
        return v
    def takes_none(v: int | None):
        return v
    def any_value(v=None):
        return v
"""

SOURCES = {
    "succeeded": "{{run: 'tasks:ok'{each}}}",
    "caught": "{{run: 'tasks:fail', catch: {{set: 7}}{each}}}",
    "skipped": "{{run: 'tasks:skip'{each}}}",
    "unwanted": "{{when: {wanted}, run: 'tasks:ok'{each}}}",
    "failed": "{{run: 'tasks:fail'{each}}}",
}
POLICIES = ("all_success", "all_done", "any_failed")
READERS = {"strict": "{v}", "takes_none": "{v}", "coalesced": "'coalesce({v}, 3)'"}
"""The callables that read, and how: `coalesced` is strict behind a word about the gap."""

# (source, policy, reader) → (the reader's state, its value)
RAN, SKIPPED, UPSTREAM = "succeeded", "skipped", "upstream_failed"
TABLE = {
    ("succeeded", "all_success", "strict"): (RAN, 5),
    ("succeeded", "all_success", "takes_none"): (RAN, 5),
    ("succeeded", "all_done", "strict"): (RAN, 5),
    ("succeeded", "all_done", "takes_none"): (RAN, 5),
    ("succeeded", "any_failed", "strict"): (SKIPPED, None),
    ("succeeded", "any_failed", "takes_none"): (SKIPPED, None),
    ("caught", "all_success", "strict"): (RAN, 7),
    ("caught", "all_success", "takes_none"): (RAN, 7),
    ("caught", "all_done", "strict"): (RAN, 7),
    ("caught", "all_done", "takes_none"): (RAN, 7),
    ("caught", "any_failed", "strict"): (SKIPPED, None),
    ("caught", "any_failed", "takes_none"): (SKIPPED, None),
    ("skipped", "all_success", "strict"): (SKIPPED, None),
    ("skipped", "all_success", "takes_none"): (RAN, None),
    ("skipped", "all_done", "strict"): (RAN, None),
    ("skipped", "all_done", "takes_none"): (RAN, None),
    ("skipped", "any_failed", "strict"): (SKIPPED, None),
    ("skipped", "any_failed", "takes_none"): (SKIPPED, None),
    ("unwanted", "all_success", "takes_none"): (RAN, None),
    ("unwanted", "all_success", "coalesced"): (RAN, 3),
    ("unwanted", "all_done", "takes_none"): (RAN, None),
    ("unwanted", "all_done", "coalesced"): (RAN, 3),
    ("unwanted", "any_failed", "takes_none"): (SKIPPED, None),
    ("unwanted", "any_failed", "coalesced"): (SKIPPED, None),
    ("failed", "all_success", "strict"): (UPSTREAM, None),
    ("failed", "all_success", "takes_none"): (UPSTREAM, None),
    ("failed", "all_done", "strict"): (RAN, None),
    ("failed", "all_done", "takes_none"): (RAN, None),
    ("failed", "any_failed", "strict"): (RAN, None),
    ("failed", "any_failed", "takes_none"): (RAN, None),
}
FORMS = ("plain", "foreach", "group")


def name(source: str, policy: str, reader: str, form: str) -> str:
    return f"{source[:2]}_{policy}_{reader}_{form}"


def sources(form: str) -> str:
    """One step (or group) of each fate."""
    lines = []
    for fate, text in SOURCES.items():
        if form == "plain":
            lines.append(f"  p_{fate}: {text.format(each='', wanted='params.go')}")
        elif form == "foreach":
            each = ", inputs: {x: each.x}, foreach: {x: [1, 2]}, fail_fast: false"
            lines.append(f"  f_{fate}: {text.format(each=each, wanted='each.x > 2')}")
        else:
            lines.append(
                f"  g_{fate}: {{steps: {{in_{fate}: {text.format(each='', wanted='params.go')}}}, outputs: {{v: steps.in_{fate}}}}}"
            )
    return "\n".join(lines)


def readers(form: str) -> str:
    """One reader for each line of the table."""
    lines = []
    for fate, policy, reader in TABLE:
        v, each = READERS[reader].format(v=f"steps.p_{fate}"), READERS[reader].format(v="each.v")
        read = {
            "plain": f"inputs: {{v: {v}}}",
            "foreach": f"foreach: {{v: steps.f_{fate}}}, fail_fast: false, inputs: {{v: {each}}}",
            "group": f"inputs: {{v: {v.replace(f'p_{fate}', f'g_{fate}.v')}}}",
        }[form]
        lines.append(f"  {name(fate, policy, reader, form)}: {{run: 'tasks:{reader}', needs_policy: {policy}, {read}}}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run that holds the whole table, three times over."""
    project = Project(tmp_path_factory.mktemp("states"))
    body = "\n".join(f"{sources(form)}\n{readers(form)}" for form in FORMS)
    wanted = [name(*line, form) for line, (state, _) in TABLE.items() for form in FORMS if state == RAN]
    outputs = "\n".join(f"  {step}: steps.{step}" for step in wanted)
    project(f"params: {{go: false}}\nsteps:\n{body}\noutputs:\n{outputs}\n", TASKS)
    yield project.run("--keep-going", code=1)
    project.close()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("line", TABLE, ids="-".join)
def test_a_reader_gets_the_state_and_the_value_of_the_table(ran, line, form):
    state, value = TABLE[line]
    step = name(*line, form)
    if form == "foreach":
        assert ran.counts(step) == {state: 2}
        assert state != RAN or ran.outputs[step] == [value, value]
    else:
        assert ran.state(step) == state
        assert state != RAN or ran.outputs[step] == value


def test_an_item_that_failed_within_min_success_is_none_in_the_list(project):
    ran = project(
        """
        steps:
          some: {foreach: {x: [1, 2, 3]}, run: "tasks:third_fails", inputs: {x: each.x}, fail_fast: false, min_success: 60%}
          list: {run: "tasks:any_value", inputs: {v: steps.some}}
        outputs: {list: steps.list, compact: compact(steps.some)}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"list": [1, None, 3], "compact": [1, 3]}
    assert ran.counts("some") == {"succeeded": 2, "failed": 1}


def test_needs_treats_skipped_as_satisfied(project):
    ran = project(
        """
        steps:
          skip: {run: "tasks:skip"}
          after: {run: "tasks:ok", needs: [skip]}
        outputs: {after: steps.after}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"after": 5}


def test_a_step_that_may_be_skipped_is_not_read_without_a_word_about_it(project):
    text = """
        params: {go: false}
        steps:
          maybe: {when: params.go, run: "tasks:ok"}
          reader: {run: "tasks:strict", inputs: {v: steps.maybe}}
    """
    assert "coalesce" in project(text, TASKS).refused()
    project(text.replace("{v: steps.maybe}", "{v: 'coalesce(steps.maybe, 3)'}"), TASKS).run()
    project(text.replace("tasks:strict", "tasks:takes_none"), TASKS).run()
    guarded = project(text.replace("reader: {", "reader: {when: params.go, "), TASKS).run()
    assert guarded.state("reader") == "skipped"
