"""A step, a group of steps, and what all steps can share through `defaults`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yamlflow.schema.model.failure import Catch, Retry
from yamlflow.schema.model.kinds import (
    ID,
    NAME,
    OUTPUT,
    SECRET,
    TEXT,
    VARIABLE,
    WRITTEN,
    BooleanOrHole,
    Condition,
    CountOrHole,
    Expression,
    Expressions,
    Id,
    Name,
    PercentOrHole,
    Template,
    Templates,
    Text,
    TimeLimitOrHole,
    Variable,
    alone,
    whole,
    words,
)
from yamlflow.schema.model.loops import Loop, Repeat
from yamlflow.schema.model.outputs import CACHE, Cache, Output
from yamlflow.schema.model.records import Also, AtLeast, Problem, Record, Rest
from yamlflow.schema.model.resources import CLUSTER, Cluster, Resources
from yamlflow.schema.model.shapes import Choice, Hole, Kind, Listed, Mapped, Recorded
from yamlflow.schema.model.step_rules import KINDS, StepKind, step_problems
from yamlflow.schema.nodes import Scalar


def _packing(scalar: Scalar) -> object:
    return "auto" if scalar.value == "auto" else _COUNT.read(scalar)


_COUNT = whole("count", "`auto` or a number", 1, 10_000)
PACKING = Kind(
    "count",
    "`auto` or a number",
    _packing,
    {"type": ["integer", "string"], "minimum": 1, "maximum": 10_000, "pattern": "auto"},
    hole=True,
)


def _from_environment(names: tuple[object, ...]) -> dict[str, str]:
    return {str(name): f"env:{name}" for name in names}


def _unvalued(names: tuple[object, ...]) -> dict[str, str]:
    return {str(name): "" for name in names}


Environment = Annotated[dict[str, str], Mapped(VARIABLE, WRITTEN, drops_null=True)]
Secrets = Annotated[
    dict[str, str], Mapped(VARIABLE, SECRET, drops_null=True), Listed(VARIABLE, build=_from_environment)
]
Tags = Annotated[dict[str, str], Mapped(TEXT, WRITTEN, drops_null=True), Listed(TEXT, build=_unvalued)]
Isolation = Annotated[Literal["process", "shared"], words("isolation", "process", "shared")]


class ExecutorUse(Record):
    """The profile a step runs on, and what this step changes in it.

    `overrides` has read values by field name when the profile stands in the
    same file, else plain JSON: whoever knows the profile reads them then.
    """

    wanted: ClassVar[str] = "a mapping such as `{use: aws, queue: other}`"
    use: Text = Field(..., description="The name of the profile.", examples=["aws"])
    overrides: Annotated[dict[str, Templates], Rest()] = Field(
        {}, description="Keys of the profile that are different for this step.", examples=[{"queue": "other"}]
    )


def _named(scalar: Scalar) -> ExecutorUse:
    return ExecutorUse.build({"use": TEXT.read(scalar)}, ())


EXECUTOR = Kind(
    "executor", "the name of an executor", _named, {"type": "string", "pattern": r"(?![\s\S]*\$\{\{)[\s\S]*\S[\s\S]*"}
)


class Defaults(Record):
    """What every step has unless it says otherwise."""

    wanted: ClassVar[str] = "a mapping such as `{timeout: 1h}`"
    misplaced: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(KINDS, "it says what one step does: put it on the step"),
        **dict.fromkeys(
            ("description", "inputs", "needs", "when", "foreach", "where", "key", "repeat", "outputs"),
            "it belongs to one step: put it on the step",
        ),
    }

    with_: dict[Name, Templates] = Field(
        {},
        alias="with",
        description="Arguments as they stand: text, numbers, lists. `${{ }}` fills holes in text.",
        examples=[{"drop_bots": True}],
    )
    needs_policy: Annotated[
        Literal["all_success", "all_done", "any_failed"], words("policy", "all_success", "all_done", "any_failed")
    ] = Field("all_success", description="How the steps before must have ended.", examples=["all_done"])
    max_parallel: CountOrHole | None = Field(
        None, description="How many items of the foreach run at once.", examples=[8]
    )
    fail_fast: BooleanOrHole = Field(True, description="After a failed item start no further one.", examples=[False])
    min_success: PercentOrHole | None = Field(
        None, description="The share of items that must succeed for the step to succeed.", examples=["90%"]
    )
    max_items: CountOrHole | None = Field(None, description="More items than this are an error.", examples=[10000])
    retry: Retry | None = Field(
        None, description="How a failed task is tried again.", examples=[{"attempts": 3, "delay": "10s"}]
    )
    timeout: TimeLimitOrHole | None = Field(
        None, description="The longest one attempt may run, without waiting.", examples=["1h"]
    )
    deadline: TimeLimitOrHole | None = Field(
        None, description="The longest a task may take from its first submission, over all attempts.", examples=["6h"]
    )
    start_timeout: TimeLimitOrHole | None = Field(
        None, description="The longest a task may wait in a queue.", examples=["30m"]
    )
    catch: Catch | None = Field(
        None, description="What stands for the value after the last attempt failed.", examples=[{"set": None}]
    )
    cache: Annotated[Cache | None, Also(CACHE)] = Field(
        None, description="Whether an earlier result may be used again.", examples=[True, {"ttl": "1d"}]
    )
    executor: Annotated[ExecutorUse | None, Also(EXECUTOR)] = Field(
        None,
        description="Where the step runs: a profile's name, or a mapping that changes it.",
        examples=["aws", {"use": "aws", "queue": "other"}],
    )
    image: Template | None = Field(None, description="The container image.", examples=["ghcr.io/acme/churn:1.4"])
    resources: Resources | None = Field(
        None, description="What one task has for itself.", examples=[{"cpu": 4, "memory": "16Gi", "gpu": "a100:1"}]
    )
    cluster: Annotated[Cluster | Hole | None, Also(CLUSTER)] = Field(
        None, description="Several machines at once for each task.", examples=[4, {"nodes": 4, "framework": "torch"}]
    )
    limit: Id | None = Field(
        None, description="A name of the top-level `limits` that each task counts against.", examples=["warehouse"]
    )
    env: Environment = Field({}, description="Environment variables.", examples=[{"TOKENIZERS_PARALLELISM": "false"}])
    env_pass: tuple[Variable, ...] = Field(
        (), description="Variables of the caller's environment that a container gets too.", examples=[["HTTPS_PROXY"]]
    )
    secrets: Secrets = Field(
        {},
        description="Environment variables with secrets, by reference. Only names: from the caller's environment.",
        examples=[["HF_TOKEN"], {"DB_URL": "aws-sm:prod/churn#db_url"}],
    )
    cwd: Annotated[Literal["code", "scratch"] | None, words("folder", "code", "scratch")] = Field(
        None,
        description="The folder it starts in: the code's root, or the task's scratch folder.",
        examples=["scratch"],
    )
    python: Template | None = Field(
        None, description="Another Python interpreter for this step.", examples=["/opt/py310/bin/python"]
    )
    requirements: Annotated[str | tuple[str, ...] | None, TEXT, Listed(TEXT)] = Field(
        None,
        description="A requirements file, or a list: packages the step needs.",
        examples=["requirements.txt", ["numpy==2.1"]],
    )
    isolation: Isolation = Field(
        "process", description="A process for each task, or one for many small ones.", examples=["shared"]
    )
    items_per_task: Annotated[int | Literal["auto"] | Hole | None, PACKING] = Field(
        None, description="How many items of a foreach one container, job or pod works off.", examples=["auto", 50]
    )
    tags: Tags = Field({}, description="Words to find the step by.", examples=[["nightly"], {"team": "growth"}])


_RESULT = Choice(OUTPUT, None, Recorded(Output, Output.wanted))


class Step(Defaults):
    """One piece of work (`run`, `command`, `sh`, `uses`), or a group of them (`steps`)."""

    wanted: ClassVar[str] = "a mapping such as `{run: package.module:callable}`"
    misplaced: ClassVar[Mapping[str, str]] = {}

    run: Text | None = Field(
        None,
        description="A Python callable: `package.module:callable` or `file.py:callable`.",
        examples=["churn.data:extract"],
    )
    command: Annotated[
        tuple[str, ...] | None, Listed(WRITTEN, at_least=1, wanted="a list such as `[python, train.py]`")
    ] = Field(
        None, description="A program and its arguments, without a shell.", examples=[["python", "-m", "churn.report"]]
    )
    sh: Text | None = Field(
        None,
        description="A shell script; it has no holes, use `env` or `inputs`.",
        examples=["sort raw.csv > sorted.csv"],
    )
    uses: Text | None = Field(None, description="Another pipeline file, run as one step.", examples=["./features.yaml"])
    steps: Annotated[dict[Id, "Step"] | None, AtLeast(1)] = Field(
        None, description="The steps of a group.", examples=[{"split": {"run": "churn.data:split"}}]
    )
    description: Text | None = Field(None, description="What the step is for.", examples=["Distil the best models."])
    inputs: dict[Name, Expressions] = Field(
        {},
        description="Arguments as expressions; each reference is a dependency too.",
        examples=[{"table": "steps.clean.table", "lr": "params.lr"}],
    )
    needs: Annotated[tuple[str, ...], Also(alone(ID)), Listed(ID)] = Field(
        (), description="Steps that must have ended before, without taking their values.", examples=[["report"]]
    )
    when: Condition | None = Field(
        None, description="The step is skipped unless this expression is true.", examples=["params.deploy"]
    )
    foreach: Loop | None = Field(
        None,
        description="Run once per item, or once per combination of several names' items.",
        examples=[{"region": "steps.regions"}, {"fold": "range(5)"}, ["eu", "us"]],
    )
    where: Condition | None = Field(
        None,
        description="Only items for which this expression is true.",
        examples=["each.model != 'mlp' or each.fold < 3"],
    )
    key: Expression | None = Field(
        None, description="An item's name; must differ between items.", examples=["each.region"]
    )
    repeat: Repeat | None = Field(
        None, description="Run the group in rounds.", examples=[{"until": "steps.score.delta < 0.01", "max": 10}]
    )
    outputs: Annotated[tuple[str, ...] | dict[str, object], Listed(NAME), Mapped(NAME, _RESULT)] = Field(
        {},
        description="Names for a returned tuple (`run`), places of results (`command`, `sh`), expressions (`steps`).",
        examples=[["table", "stats"], {"html": {"file": "report.html"}}, {"auc": "steps.best.auc"}],
    )

    @property
    def kind(self) -> StepKind | None:
        """Which of its five keys says what the step does; None in a file with errors."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), None)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of a returned tuple's parts, in order."""
        return self.outputs if isinstance(self.outputs, tuple) else ()

    @property
    def output_places(self) -> dict[str, Output]:
        """Where a command leaves its results, by name."""
        return {name: out for name, out in self._mapped_outputs().items() if isinstance(out, Output)}

    @property
    def output_expressions(self) -> dict[str, object]:
        """A group's outputs: expression text, or a literal number, boolean or null, by name."""
        return {name: out for name, out in self._mapped_outputs().items() if not isinstance(out, Output)}

    def _mapped_outputs(self) -> dict[str, object]:
        return self.outputs if isinstance(self.outputs, dict) else {}

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        return step_problems(self, given)
