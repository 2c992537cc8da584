"""Nodes into models: every form that each key can have, and findings that point where they should."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.schema.decoding import decoded, node_of, pipeline_of, scalar_of, step_of, step_text
from yamlflow.schema.codes import model as pages
from yamlflow.schema.decode import decode, decode_profile
from yamlflow.schema.model import (
    BatchProfile,
    Cache,
    Catch,
    Cluster,
    DockerProfile,
    ExecutorUse,
    Gpu,
    GrowthLimit,
    Hole,
    LocalProfile,
    Output,
    Refused,
    Retry,
    Step,
)
from yamlflow.schema.model.records import layout
from yamlflow.schema.nodes import parse
from yamlflow.schema.source import Source

RUN = "run: m:f"


def codes(text: str) -> list[str]:
    """The codes of what is wrong with a text, in file order."""
    return [found.code for found in decoded(text)[2]]


def pointed_at(text: str) -> list[str]:
    """The stretches of the text that the findings point to."""
    source = Source("p.yaml", text)
    spans = [found.span for found in decoded(text)[2]]
    return [text[source.index(s.line, s.column) : source.index(s.end_line, s.end_column)] for s in spans]


# --- forms


def test_the_smallest_file_is_a_pipeline():
    pipeline = pipeline_of("yamlflow: 1\nsteps:\n  a: {run: 'm:f'}\n")
    assert pipeline.steps["a"].kind == "run"
    assert pipeline.store == "local"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("run: m:f", "run"),
        ("command: [ls]", "command"),
        ("sh: ls", "sh"),
        ("uses: ./x.yaml", "uses"),
        ("steps: {a: {run: 'm:f'}}", "steps"),
    ],
)
def test_one_key_says_what_a_step_does(line, kind):
    assert step_of(line).kind == kind


def test_durations_and_sizes_are_numbers():
    step = step_of(RUN, "timeout: 1h30m", "resources: {cpu: 0.5, memory: 2Gi, disk: 1073741824, shm: 1G}")
    assert step.timeout == 5400.0
    assert step.resources is not None
    assert (step.resources.cpu, step.resources.memory, step.resources.disk, step.resources.shm) == (
        0.5,
        2 * 1024**3,
        1024**3,
        10**9,
    )


@pytest.mark.parametrize(
    ("written", "gpu"),
    [
        ("2", Gpu(count=2)),
        ("0", Gpu(count=0)),
        ('"a100:2"', Gpu(type=("a100",), count=2)),
        ("A100", Gpu(type=("a100",), count=1)),
        ("{type: [a100, h100], count: 2, memory: 40Gi}", Gpu(type=("a100", "h100"), count=2, memory=40 * 1024**3)),
        ("{type: a100}", Gpu(type=("a100",), count=1)),
    ],
)
def test_gpus_have_three_forms(written, gpu):
    resources = step_of(RUN, f"resources: {{gpu: {written}}}").resources
    assert resources is not None
    assert resources.gpu == gpu


def test_a_cluster_is_a_number_or_a_mapping():
    assert step_of(RUN, "cluster: 4").cluster == Cluster(nodes=4)
    assert step_of(RUN, "cluster: {nodes: 2, framework: torch, service: true}").cluster == Cluster(
        nodes=2, framework="torch", service=True
    )


def test_a_cache_is_a_switch_or_a_mapping():
    assert step_of(RUN, "cache: true").cache == Cache()
    assert step_of(RUN, "cache: false").cache == Cache(enabled=False)
    assert step_of(RUN, "cache: {key: inputs.day, version: 2, ttl: 1d}").cache == Cache(
        key=("inputs.day",), version="2", ttl=86400.0
    )


def test_an_executor_is_a_name_or_a_mapping_that_changes_it():
    assert step_of(RUN, "executor: aws").executor == ExecutorUse(use="aws")
    use = "{use: aws, queue: other, start_timeout: 5m}"
    text = f"yamlflow: 1\nexecutors: {{aws: {{type: batch}}}}\nsteps:\n  a: {{run: 'm:f', executor: {use}}}\n"
    assert pipeline_of(text).steps["a"].executor == ExecutorUse(
        use="aws", overrides={"queue": "other", "start_timeout": 300.0}
    )


def test_changes_of_a_profile_from_elsewhere_stay_as_they_are():
    step = step_of(RUN, "executor: {use: elsewhere, start_timeout: 5m}")
    assert step.executor == ExecutorUse(use="elsewhere", overrides={"start_timeout": "5m"})


def test_secrets_are_a_list_of_names_or_a_mapping():
    assert step_of(RUN, "secrets: [HF_TOKEN]").secrets == {"HF_TOKEN": "env:HF_TOKEN"}
    assert step_of(RUN, 'secrets: {DB: "aws-sm:a#b"}').secrets == {"DB": "aws-sm:a#b"}


def test_numbers_in_commands_and_environments_keep_their_text():
    step = step_of("command: [run, 010, 1e5, 3.10, true]", "env: {A: 010, B: 1.10, C: false}")
    assert step.command == ("run", "010", "1e5", "3.10", "true")
    assert step.env == {"A": "010", "B": "1.10", "C": "false"}


def test_with_keeps_its_values_as_they_are():
    assert step_of(RUN, "with: {a: 1, b: [1.5, null], c: {d: true}, e: 's3://${{ run.date }}'}").with_ == {
        "a": 1,
        "b": [1.5, None],
        "c": {"d": True},
        "e": "s3://${{ run.date }}",
    }


def test_inputs_are_expressions_or_structures_of_them():
    assert step_of(RUN, "inputs: {a: steps.x, cfg: {lr: params.lr, n: 3}, none: null}").inputs == {
        "a": "steps.x",
        "cfg": {"lr": "params.lr", "n": 3},
        "none": None,
    }


def test_a_literal_condition_is_an_expression_too():
    assert step_of(RUN, "when: false").when == "false"


def test_outputs_are_names_places_or_expressions():
    assert step_of(RUN, "outputs: [a, b]").output_names == ("a", "b")
    places = step_of(
        "sh: ls", "outputs: {a: {file: a.txt, beside: ['*.bai']}, b: {json: b.json}, c: {stdout: text}}"
    ).output_places
    assert places["a"] == Output(file="a.txt", beside=("*.bai",))
    assert [places[name].place for name in "abc"] == [("file", "a.txt"), ("json", "b.json"), ("stdout", "text")]
    group = step_of("steps: {x: {run: 'm:f'}}", "outputs: {a: steps.x.auc, b: 3, c: null}")
    assert group.output_expressions == {"a": "steps.x.auc", "b": 3, "c": None}


def test_the_axes_of_a_loop_are_in_the_order_of_the_file():
    step = step_of(RUN, "foreach: {a: [1, 2], zip: {x: [1, 2], y: range(2)}, b: steps.c}")
    assert step.foreach is not None
    assert [(dict(axis.names), axis.zipped) for axis in step.foreach.axes] == [
        ({"a": (1, 2)}, False),
        ({"x": (1, 2), "y": "range(2)"}, True),
        ({"b": "steps.c"}, False),
    ]


@pytest.mark.parametrize(
    ("written", "source"), [("steps.regions", "steps.regions"), ("[eu, {us: 1}]", ("eu", {"us": 1})), ("[]", ())]
)
def test_a_bare_loop_binds_item(written, source):
    loop = step_of(RUN, f"foreach: {written}").foreach
    assert loop is not None
    assert [dict(axis.names) for axis in loop.axes] == [{"item": source}]


def test_a_loop_made_in_python_has_axes_too():
    from yamlflow.schema.model import Foreach

    loop = Foreach(names={"a": (1,)}, zip={"x": (1,), "y": (2,)})
    assert [axis.zipped for axis in loop.axes] == [False, True]


def test_retry_grows_to_a_size_a_time_or_both():
    def limit(written: str) -> GrowthLimit | None:
        retry = step_of(RUN, f"retry: {{attempts: 3, grow: {{memory: 2x, max: {written}}}}}").retry
        assert retry is not None
        assert retry.grow is not None
        assert retry.grow.memory == 2.0
        return retry.grow.max

    assert limit("64Gi") == GrowthLimit(memory=64 * 1024**3)
    assert limit("6h") == GrowthLimit(timeout=21600.0)
    assert limit("{memory: 64Gi, timeout: 6h}") == GrowthLimit(memory=64 * 1024**3, timeout=21600.0)


def test_retry_says_what_it_does_when_nothing_is_said():
    retry = Retry()
    assert (retry.attempts, retry.backoff, retry.on, retry.infra) == (1, "exponential", ("error", "timeout", "oom"), 10)


def test_catch_keeps_a_null_value():
    caught = step_of(RUN, "catch: {set: null}").catch
    assert caught == Catch(set=None)
    assert caught is not None
    assert "set" in caught.model_fields_set


def test_repeat_has_a_start_an_end_and_a_limit():
    repeat = step_of(
        "steps: {a: {run: 'm:f'}}",
        "repeat: {start: {m: steps.i.m}, until: steps.a.ok, max: 10, delay: 30s, on_max: accept}",
    ).repeat
    assert repeat is not None
    assert (repeat.start, repeat.until, repeat.max, repeat.delay, repeat.on_max) == (
        {"m": "steps.i.m"},
        "steps.a.ok",
        10,
        30.0,
        "accept",
    )


def test_hooks_are_steps_beside_a_notice():
    text = "yamlflow: 1\nsteps: {a: {run: 'm:f'}}\non_failure:\n  page: {run: 'm:g'}\n  notify: {slack: 'env:URL'}\n"
    hooks = pipeline_of(text).on_failure
    assert hooks is not None
    assert list(hooks.steps) == ["page"]
    assert hooks.notify is not None
    assert hooks.notify.slack == "env:URL"


def test_each_type_of_profile_is_its_own_record():
    text = """yamlflow: 1
executors:
  here: {type: local, gpus: [a100, {type: h100, memory: 80Gi}], env_inherit: false}
  box: {type: docker, image: x, user: 1000, gpus: 2}
  aws: {type: batch, queue: q, platform: fargate, defaults: {timeout: 4h}}
steps: {a: {run: 'm:f'}}
"""
    here, box, aws = pipeline_of(text).executors.values()
    assert isinstance(here, LocalProfile)
    assert here.gpus is not None
    assert [(device.type, device.memory) for device in here.gpus] == [("a100", None), ("h100", 80 * 1024**3)]
    assert isinstance(box, DockerProfile)
    assert (box.user, len(box.gpus or ())) == ("1000", 2)
    assert isinstance(aws, BatchProfile)
    assert aws.defaults is not None
    assert (aws.platform, aws.defaults.timeout) == ("fargate", 14400.0)


def test_a_profile_may_stand_alone():
    assert decode_profile(node_of({"type": "docker", "image": "x"})) == (DockerProfile(type="docker", image="x"), [])
    profile, found = decode_profile(node_of({"type": "docker", "queue": "q"}))
    assert isinstance(profile, DockerProfile)
    assert [one.code for one in found] == ["unknown-key"]


def test_null_leaves_an_optional_key_out():
    step = step_of(RUN, "timeout: null", "resources: null", "env: {A: null, B: b}", "inputs:", "fail_fast: null")
    assert (step.timeout, step.resources, step.env, step.inputs, step.fail_fast) == (None, None, {"B": "b"}, {}, True)


def test_a_field_that_was_written_is_known_as_such():
    assert step_of(RUN, "timeout: null", "fail_fast: true").model_fields_set == {"run", "timeout", "fail_fast"}


def test_extensions_are_kept_and_anchors_work():
    pipeline = pipeline_of("yamlflow: 1\nx-env: &e {A: b}\nsteps:\n  a: {run: 'm:f', env: *e}\n")
    assert pipeline.extensions == {"x-env": {"A": "b"}}
    assert pipeline.steps["a"].env == {"A": "b"}


def test_models_are_frozen():
    step = step_of(RUN)
    with pytest.raises(ValueError, match="frozen"):
        step.run = "m:g"


def test_models_can_be_made_in_python_and_refuse_unknown_fields():
    assert Step(run="m:f", timeout=3.0).timeout == 3.0
    with pytest.raises(ValueError, match="Extra inputs"):
        Step(run="m:f", timout=3.0)  # type: ignore[call-arg]


def test_every_annotation_of_the_models_can_be_read():
    """A name that is missing in a module would stay a forward reference, silently."""
    from yamlflow.schema.model import Record

    pending = list(Record.__subclasses__())
    while pending:
        record = pending.pop()
        pending += record.__subclasses__()
        assert layout(record).slots, record


# --- holes


@pytest.mark.parametrize(
    ("line", "field", "value", "filled"),
    [
        ("timeout: ${{ params.t }}", "timeout", "5m", 300.0),
        ("timeout: ${{ params.t }}", "timeout", 90, 90.0),
        ("max_parallel: ${{ params.n }}", "max_parallel", 4, 4),
        ("fail_fast: ${{ params.f }}", "fail_fast", False, False),
        ("min_success: ${{ params.m }}", "min_success", "50%", 0.5),
        ("cluster: ${{ params.n }}", "cluster", 4, Cluster(nodes=4)),
        ("items_per_task: ${{ params.n }}", "items_per_task", "auto", "auto"),
    ],
)
def test_a_whole_hole_stands_for_a_typed_value(line, field, value, filled):
    hole = getattr(step_of(RUN, line), field)
    assert isinstance(hole, Hole)
    assert hole.expression.startswith("params.")
    assert hole.fill(value) == filled


@pytest.mark.parametrize("value", ["fast", True, -1.0, [1], {"a": 1}, None])
def test_a_hole_refuses_what_its_key_cannot_be(value):
    hole = step_of(RUN, "timeout: ${{ params.t }}").timeout
    assert isinstance(hole, Hole)
    with pytest.raises(Refused) as refused:
        hole.fill(value)
    assert refused.value.message


# --- findings


def test_all_findings_come_at_once_and_in_file_order():
    text = "yamlflow: 2\nsteps:\n  Fit:\n    run: m:f\n    timout: 1h\n    retry: {attempts: x}\nstore: nowhere\n"
    assert codes(text) == ["wrong-version", "bad-name", "unknown-key", "wrong-type", "bad-value"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("timout: 1h", "timout"),
        ("retry: {attempts: x}", "x"),
        ("resources: {gpu: {count: many}}", "many"),
        ("needs: [a, B]", "B"),
        ("env: {1A: x}", "1A"),
        ("repeat: {max: 3}", "repeat"),
        ("cluster: {framework: torch}", "cluster"),
        ("retry:\n      attempts: 3\n      delay:\n        - 1", "- 1"),
    ],
)
def test_a_finding_points_at_its_cause(line, place):
    assert pointed_at(step_text(RUN, line)) == [place]


def test_what_is_wrong_with_one_key_does_not_hide_the_rest():
    pipeline, spans, found = decoded(step_text(RUN, "timeout: never", "inputs: {a: steps.x, if: steps.y}"))
    step = pipeline.steps["fit"]
    assert (step.run, step.timeout, step.inputs) == ("m:f", None, {"a": "steps.x", "if": "steps.y"})
    assert len(found) == 2
    assert spans.refused(("steps", "fit", "timeout"))
    assert spans.refused(("steps", "fit"))
    assert not spans.refused(("steps", "fit", "run"))


def test_a_step_with_a_bad_name_can_still_be_referred_to():
    assert list(decoded("yamlflow: 1\nsteps:\n  fit-model: {run: 'm:f'}\n")[0].steps) == ["fit-model"]


def test_of_no_tree_there_is_nothing_to_say():
    pipeline, spans, found = decode(None, "p.yaml")
    assert (pipeline, found) == (None, [])
    assert spans.value(("steps", "a")).path == "p.yaml"


@pytest.mark.parametrize("page", pages.CODES, ids=lambda page: page.code)
def test_the_bad_example_of_a_page_gives_its_code_and_the_good_one_nothing(page):
    def found(text: str) -> set[str]:
        tree, broken = parse(Source("p.yaml", text))
        assert broken == []
        return {one.code for one in decode(tree, "p.yaml")[2]}

    assert found(page.bad) == {page.code}
    assert found(page.good) == set()


def test_every_code_that_is_given_has_a_page():
    from yamlflow.schema.catalogue import CODES

    given = {one.code for document in _damaged() for one in decode(node_of(document), "p.yaml")[2]}
    assert given - set(CODES) == set()


JUNK = [
    None,
    True,
    7,
    2.5,
    "",
    "x",
    "${{ x }}",
    "a ${{ x }}",
    [],
    [1],
    ["x", None],
    [[]],
    {},
    {"a": 1},
    {"a": {"b": []}},
    {"": ""},
]
WHOLE = {
    "yamlflow": 1,
    "name": "n",
    "params": {"a": {"type": "int", "default": 1, "min": 0, "choices": [1]}, "b": [1]},
    "executors": {
        "e": {"type": "docker", "image": "x", "gpus": 1, "secrets": ["A"]},
        "k": {"type": "kubernetes", "labels": {"a": "b"}},
    },
    "defaults": {"timeout": "1h", "env": {"A": "b"}},
    "limits": {"w": 1},
    "steps": {
        "s": {
            "run": "m:f",
            "inputs": {"x": "params.a"},
            "with": {"y": 1},
            "needs": ["t"],
            "when": "params.a",
            "foreach": {"i": [1], "zip": {"p": [1]}},
            "retry": {"attempts": 2, "on": ["error"], "grow": {"memory": "2x", "max": "4Gi"}},
            "catch": {"set": 1},
            "cache": {"key": ["x"]},
            "executor": {"use": "e", "image": "y"},
            "resources": {"gpu": {"type": ["a"], "count": 1}, "memory": "2Gi"},
            "cluster": {"nodes": 2},
            "secrets": {"B": "env:B"},
            "outputs": ["a"],
            "requirements": ["x"],
            "tags": {"a": "b"},
        },
        "g": {
            "steps": {"c": {"command": ["ls"], "outputs": {"o": {"file": "f", "beside": ["g"]}}}},
            "repeat": {"start": {"m": "x"}, "max": 2},
        },
    },
    "outputs": {"o": "steps.s"},
    "on_exit": {"notify": {"ping": "https://x"}, "h": {"sh": "ls"}},
    "schedule": {"cron": "0 3 * * *", "timezone": "UTC", "params": {"a": "x"}},
    "code": {"include": ["a"]},
    "env_allow": ["A"],
    "keep": {"runs": 1},
    "x-a": 1,
}


def _paths(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _paths(item, (*path, key))


def _replaced(document: object, path: tuple[object, ...], value: object) -> object:
    if not path:
        return value
    result = copy.copy(document)
    result[path[0]] = _replaced(result[path[0]], path[1:], value)  # type: ignore[index]
    return result


def _damaged() -> Iterator[object]:
    """A whole document with each of its values, one after the other, replaced by each piece of junk."""
    for path in _paths(WHOLE):
        for junk in JUNK:
            yield _replaced(WHOLE, path, junk)


def test_the_document_with_everything_in_it_is_good():
    assert decode(node_of(WHOLE), "p.yaml")[2] == []


def test_no_value_anywhere_gives_a_traceback_or_more_than_a_few_findings():
    """One cause, one finding: only a lost `type` or a wrong kind of step can be wrong in several places."""
    for document in _damaged():
        assert len(decode(node_of(document), "p.yaml")[2]) <= 3, document


@given(
    st.recursive(
        st.sampled_from([None, True, 1, 2.5, "x", "steps.a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "yamlflow",
                        "steps",
                        "run",
                        "foreach",
                        "retry",
                        "a",
                        "type",
                        "executors",
                        "params",
                        "default",
                        "zip",
                        "use",
                        "outputs",
                        "file",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=25,
    )
)
def test_no_tree_gives_a_traceback(tree):
    for found in decode(node_of(tree), "p.yaml")[2]:
        assert found.message


def test_messages_say_nothing_of_the_machinery():
    words = ("pydantic", "validation error", "Input should be", "NoneType", "<class", "Traceback", "dict[", "tuple[")
    for document in _damaged():
        for found in decode(node_of(document), "p.yaml")[2]:
            assert [word for word in words if word in found.message] == []


def test_a_scalar_is_read_the_same_from_a_file_and_from_python():
    assert scalar_of(True).text == "true"
