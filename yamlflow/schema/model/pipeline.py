"""The whole file: the top-level keys."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from yamlflow.core.patterns import PatternError, parse_pattern
from yamlflow.schema.model import quantities
from yamlflow.schema.model.kinds import (
    CRON,
    Count,
    Id,
    Json,
    Name,
    OutputValue,
    Templates,
    Text,
    TimeLimit,
    Variable,
    alone,
    text,
)
from yamlflow.schema.model.parameters import Parameter
from yamlflow.schema.model.profiles import AnyProfile
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Also, AtLeast, Problem, Record, Rest
from yamlflow.schema.model.shapes import Kind, Listed
from yamlflow.schema.model.steps import Defaults, Step
from yamlflow.schema.nodes import Scalar

FORMAT_VERSION = 1
EXTENSION_PATTERN = r"x-\S*"


def _version(scalar: Scalar) -> int:
    if scalar.value is None:
        raise Refused(
            "`yamlflow:` needs the version of the file format", code="wrong-version", hint="write `yamlflow: 1`"
        )
    if scalar.value == FORMAT_VERSION and isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
        return FORMAT_VERSION
    if scalar.value == str(FORMAT_VERSION):
        raise Refused(
            "the version is a number, not text", code="wrong-version", hint="write `yamlflow: 1`, without quotes"
        )
    raise Refused(
        f"this yamlflow reads version {FORMAT_VERSION} of the file format, not `{scalar.text}`",
        code="wrong-version",
        hint="write `yamlflow: 1`",
    )


def _title(written: str) -> str:
    if len(written) > 100 or not written.isprintable():
        raise Refused("a name is one line of at most 100 characters")
    return written


def _target(written: str) -> str:
    """A URL, an address, or a reference to a secret that holds one."""
    if not quantities.matches(_TARGET_PATTERN, written):
        raise Refused(
            "this is neither an address nor a reference to a secret",
            code="bad-value",
            hint="write a URL (`https://…`), an e-mail address, or a reference such as `env:SLACK_URL`",
        )
    return written


_TARGET_PATTERN = rf"https?://\S+|[^@\s]+@[^@\s]+|{quantities.SECRET_PATTERN}"
_STORE_PATTERN = r"local|s3://[a-z0-9][a-z0-9.-]+(?:/\S*)?|file:///\S+"
_FILES_PATTERN = (  # as core.patterns has it
    r"(?!\s*$)(?!!)(?:\.?/)*(?:(?:\*\*|(?!\.\.?(?:/|$))(?:(?!\*\*)[^/\\\[{])+)(?:/|$)(?:\.?/)*)+(?:\.)?"
)
_OVERLAP_PATTERN = rf"skip|fail|wait:{quantities.DURATION_PATTERN}"


def _store(written: str) -> str:
    if not quantities.matches(_STORE_PATTERN, written):
        raise Refused(
            f"`{written}` is no store", hint="a store is `local`, `s3://bucket/prefix` or `file:///shared/path`"
        )
    return written


def _pattern(written: str) -> str:
    try:
        return parse_pattern(written).text
    except PatternError as error:
        raise Refused(error.message, hint=error.hint) from None


def _overlap(written: str) -> str:
    if not quantities.matches(_OVERLAP_PATTERN, written) or written == "wait:":
        raise Refused(f"`{written}` is none of `skip`, `fail`, `wait:30m`")
    return written


def _zone(written: str) -> str:
    """The name of a time zone; believed where the machine knows no zones at all."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(written)
    except (OSError, ValueError, LookupError):
        if available_timezones():
            hint = "write an area and a city, such as `Europe/London`, or `UTC`"
            raise Refused(f"`{written}` is no time zone", hint=hint) from None
    return written


VERSION = Kind("version", "`1`", _version, {"type": "integer", "enum": [FORMAT_VERSION]})
TARGET = text("target", "a URL or a reference such as `env:SLACK_URL`", _target, _TARGET_PATTERN)
Target = Annotated[str, TARGET]


class Notify(Record):
    """Who is told when the run has ended."""

    wanted: ClassVar[str] = "a mapping such as `{slack: env:SLACK_URL}`"
    slack: Target | None = Field(None, description="A Slack webhook.", examples=["env:SLACK_URL"])
    webhook: Target | None = Field(
        None, description="A URL that gets the run's summary as JSON.", examples=["https://ci.example/hook"]
    )
    email: Target | None = Field(None, description="An e-mail address.", examples=["oncall@example.com"])
    ping: Target | None = Field(
        None, description="A URL that is called, for dead man's switches.", examples=["https://hc.example/uuid"]
    )

    def problems(self, given: frozenset[str]) -> Iterator[Problem]:
        if not given:
            yield Problem("missing-key", "`notify` names nobody", hint="add `slack`, `webhook`, `email` or `ping`")


class Hooks(Record):
    """Steps that run once when the run has ended, and who is told."""

    wanted: ClassVar[str] = 'a mapping of steps such as `{page: {run: "churn.ops:page"}}`'
    notify: Notify | None = Field(None, description="Who is told.", examples=[{"slack": "env:SLACK_URL"}])
    steps: Annotated[dict[Id, Step], Rest()] = Field(
        {}, description="Steps by id; they see `run`.", examples=[{"page": {"run": "churn.ops:page"}}]
    )


class Schedule(Record):
    """When it runs by itself, once `schedule install` was called."""

    wanted: ClassVar[str] = 'a mapping such as `{cron: "0 3 * * *"}`'
    cron: Annotated[str, CRON] = Field(..., description="Minute, hour, day, month, weekday.", examples=["0 3 * * *"])
    timezone: Annotated[str, text("timezone", "a time zone such as `Europe/London`", _zone)] = Field(
        "UTC", description="The time zone of `cron` and of `run.date`.", examples=["Europe/London"]
    )
    overlap: Annotated[str, text("overlap", "`skip`, `fail` or `wait:30m`", _overlap, _OVERLAP_PATTERN)] = Field(
        "skip", description="What happens while an earlier run is still going.", examples=["skip", "wait:30m"]
    )
    params: dict[Name, Templates] = Field(
        {}, description="Parameters of scheduled runs.", examples=[{"day": "${{ date_add(run.date, days=-1) }}"}]
    )


class Keep(Record):
    """What `gc` and scheduled runs retain."""

    wanted: ClassVar[str] = "a mapping such as `{runs: 50, days: 30}`"
    runs: Count | None = Field(None, description="The newest runs that are kept.", examples=[50])
    days: Count | None = Field(None, description="Runs of the last days are kept.", examples=[30])


PATTERN = text("pattern", "a pattern such as `*.ipynb`", _pattern, _FILES_PATTERN)


class Code(Record):
    """Which files travel to the machine a task runs on."""

    wanted: ClassVar[str] = "a mapping such as `{exclude: [notebooks]}`"
    root: Text | None = Field(
        None, description="The folder that is shipped; the project's root unless said.", examples=["."]
    )
    include: Annotated[tuple[str, ...], Listed(PATTERN), Also(alone(PATTERN))] = Field(
        (), description="Patterns of more files to ship.", examples=[["models/*.json"]]
    )
    exclude: Annotated[tuple[str, ...], Listed(PATTERN), Also(alone(PATTERN))] = Field(
        (), description="Patterns of files not to ship.", examples=[["notebooks", "*.ipynb"]]
    )


EXTENSION = text("extension", "a key that starts with `x-`", str, EXTENSION_PATTERN)


class Pipeline(Record):
    """A pipeline file."""

    wanted: ClassVar[str] = "a mapping that starts with `yamlflow: 1`"
    yamlflow: Annotated[int, VERSION] = Field(..., description="The version of the file format.", examples=[1])
    name: Annotated[str | None, text("title", "a name such as `churn`", _title, r"[^\n\r]{1,100}")] = Field(
        None, description="The pipeline's name; the file's name unless said.", examples=["churn"]
    )
    description: Text | None = Field(
        None, description="What it is for.", examples=["Train one churn model per region."]
    )
    params: dict[Name, Parameter] = Field(
        {},
        description="Parameters: a default value each, or a mapping.",
        examples=[{"lr": 0.01, "folds": {"type": "int", "default": 5, "min": 2}}],
    )
    executors: dict[Name, AnyProfile] = Field(
        {},
        description="Named executors; `local` exists without being declared.",
        examples=[{"box": {"type": "docker", "image": "ghcr.io/acme/churn:1.4"}}],
    )
    defaults: Defaults | None = Field(
        None, description="What every step has unless it says otherwise.", examples=[{"timeout": "1h", "cache": True}]
    )
    limits: dict[Id, Count] = Field(
        {}, description="How many tasks of all steps may hold a name at once.", examples=[{"warehouse": 4}]
    )
    steps: Annotated[dict[Id, Step], AtLeast(1)] = Field(
        ...,
        description="The steps by id.",
        examples=[
            {"prep": {"run": "mypkg.data:prep"}, "fit": {"run": "mypkg.train:fit", "inputs": {"data": "steps.prep"}}}
        ],
    )
    outputs: dict[Name, OutputValue] = Field(
        {}, description="What a run prints, and what `uses:` gives back.", examples=[{"auc": "steps.fit.auc"}]
    )
    on_success: Hooks | None = Field(
        None,
        description="Steps that run once after a run that succeeded.",
        examples=[{"tell": {"run": "churn.ops:tell"}}],
    )
    on_failure: Hooks | None = Field(
        None,
        description="Steps that run once after a run that failed.",
        examples=[
            {"page": {"run": "churn.ops:page", "inputs": {"error": "run.error"}}, "notify": {"slack": "env:SLACK_URL"}}
        ],
    )
    on_exit: Hooks | None = Field(
        None,
        description="Steps that run once after every run, also after Ctrl-C.",
        examples=[{"clean": {"sh": "rm -rf /tmp/x"}}],
    )
    schedule: Schedule | None = Field(
        None, description="When it runs by itself.", examples=[{"cron": "0 3 * * *", "timezone": "Europe/London"}]
    )
    store: Annotated[
        str, text("store", "`local` or an address such as `s3://bucket/prefix`", _store, _STORE_PATTERN)
    ] = Field("local", description="Where values are kept.", examples=["s3://bucket/prefix"])
    code: Code | None = Field(
        None, description="Which files travel with the tasks.", examples=[{"exclude": ["notebooks"]}]
    )
    env_allow: tuple[Variable, ...] = Field(
        (),
        description="Variables of the caller's environment that expressions may read as `env.NAME`.",
        examples=[["USER"]],
    )
    deadline: TimeLimit | None = Field(None, description="The longest the whole run may take.", examples=["12h"])
    keep: Keep | None = Field(None, description="Which old runs are kept.", examples=[{"runs": 50, "days": 30}])
    extensions: Annotated[dict[Annotated[str, EXTENSION], Json], Rest()] = Field(
        {}, description="Keys that start with `x-` are yours, for anchors and notes.", examples=[{"x-team": "growth"}]
    )
