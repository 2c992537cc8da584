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
    def counts_gaps(v: int | None) -> int:
        return int(v is None)
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
    ("skipped", "all_success", "coalesced"): (RAN, 3),
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
    ("failed", "all_success", "coalesced"): (UPSTREAM, None),
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


# ------------------------------------------------------------ failed within min_success

LOOPS = {
    "plain": "foreach: {x: [1, 2, 3]}, fail_fast: false, min_success: 60%, run: 'tasks:third_fails', inputs: {x: each.x}",
    "group": "foreach: {x: [1, 2, 3]}, fail_fast: false, min_success: 60%, outputs: {v: steps.one}, "
    "steps: {one: {run: 'tasks:third_fails', inputs: {x: each.x}}}",
}
READ = {"plain": "steps.plain", "group": "steps.group.v"}

# policy → (the reader's state, its value): the list has a gap, and the loop has succeeded
LIST_WITH_A_GAP = {
    "all_success": (RAN, [1, None, 3]),
    "all_done": (RAN, [1, None, 3]),
    "any_failed": (SKIPPED, None),
}
# (policy, reader) → (how many items ended how, their values): the gap is a skipped item, its own reader's concern
ITEM_BY_ITEM = {
    ("all_success", "strict"): ({RAN: 2, SKIPPED: 1}, [1, None, 3]),
    ("all_success", "takes_none"): ({RAN: 3}, [1, None, 3]),
    ("all_success", "counts_gaps"): ({RAN: 3}, [0, 1, 0]),
    ("all_success", "coalesced"): ({RAN: 3}, [1, 3, 3]),
    ("all_done", "strict"): ({RAN: 3}, [1, None, 3]),
    ("all_done", "counts_gaps"): ({RAN: 3}, [0, 1, 0]),
    ("all_done", "coalesced"): ({RAN: 3}, [1, 3, 3]),
    ("any_failed", "strict"): ({RAN: 1, SKIPPED: 2}, [None, None, None]),
    ("any_failed", "counts_gaps"): ({RAN: 1, SKIPPED: 2}, [None, 1, None]),
}


@pytest.fixture(scope="module")
def with_gaps(tmp_path_factory):
    """One run of both loops and of all their readers; it succeeds."""
    project = Project(tmp_path_factory.mktemp("gaps"))
    steps = {name: f"{{{text}}}" for name, text in LOOPS.items()}
    for form, source in READ.items():
        for policy in POLICIES:
            steps[f"{form}_{policy}"] = f"{{run: 'tasks:any_value', needs_policy: {policy}, inputs: {{v: {source}}}}}"
        for policy, reader in ITEM_BY_ITEM:
            v = READERS.get(reader, "{v}").format(v="each.v")
            steps[f"{form}_{policy}_{reader}"] = (
                f"{{run: 'tasks:{reader}', needs_policy: {policy}, foreach: {{v: {source}}}, inputs: {{v: {v}}}}}"
            )
    body = "\n".join(f"  {name}: {text}" for name, text in steps.items())
    outputs = "\n".join(f"  {name}: coalesce(steps.{name}, null)" for name in steps if name not in LOOPS)
    outputs += "\n  compact: compact(steps.plain)"
    project(f"steps:\n{body}\noutputs:\n{outputs}\n", TASKS)
    yield project.run()
    project.close()


def test_a_loop_succeeds_when_enough_of_its_items_do(with_gaps):
    assert [with_gaps.counts(form) for form in LOOPS] == [{RAN: 2, "failed": 1}] * 2
    assert [with_gaps.state(form) for form in LOOPS] == [RAN, RAN]
    assert with_gaps.outputs["compact"] == [1, 3]


@pytest.mark.parametrize("form", LOOPS)
@pytest.mark.parametrize("policy", LIST_WITH_A_GAP)
def test_an_item_that_failed_within_min_success_is_none_in_the_list(with_gaps, policy, form):
    step = f"{form}_{policy}"
    assert (with_gaps.state(step), with_gaps.outputs[step]) == LIST_WITH_A_GAP[policy]


@pytest.mark.parametrize("form", LOOPS)
@pytest.mark.parametrize("line", ITEM_BY_ITEM, ids="-".join)
def test_an_item_that_failed_within_min_success_is_a_skipped_one_for_its_own_reader(with_gaps, line, form):
    step = "_".join((form, *line))
    assert (with_gaps.counts(step), with_gaps.outputs[step]) == ITEM_BY_ITEM[line]


def test_a_failed_item_of_a_loop_that_allows_none_stops_its_own_reader(project):
    ran = project(
        """
        steps:
          some: {foreach: {x: [1, 2, 3]}, run: "tasks:third_fails", inputs: {x: each.x}, fail_fast: false}
          each: {foreach: {v: steps.some}, run: "tasks:takes_none", inputs: {v: each.v}, fail_fast: false}
        """,
        TASKS,
    ).run("--keep-going", code=1)
    assert ran.counts("each") == {"succeeded": 2, "upstream_failed": 1}


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
