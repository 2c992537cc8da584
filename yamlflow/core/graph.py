"""The compiled pipeline: what the scheduler and the engine work on.

A Graph is immutable and complete: every reference is resolved, every default
applied, every duration in seconds and every size in bytes. Expressions stay
text with resolved edges beside them; only the engine and the worker evaluate.

Naming. A node's id is its dotted place in the file (`by_region.fit`). A task
is a node and a *path*: one index for each level of loop around it, outermost
first, its own loop last. A node with `foreach` adds a level for its item, a
group with `repeat` adds one for its round (after the item's, when it has both).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from yamlflow.core.dataclass import dataclass
from yamlflow.core.identity import Path as Path  # noqa: PLC0414 - exported
from yamlflow.core.identity import TaskId as TaskId  # noqa: PLC0414 - exported
from yamlflow.core.values import Document


class EdgeKind(str, Enum):
    PLAIN = "plain"  # waits until the whole source has settled
    ELEMENTWISE = "elementwise"  # item i waits for item i of the source
    ORDER = "order"  # `needs`: as plain, but carries no value


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency on `source`, a node of the same or an enclosing scope.

    `takes_none`: a skipped source does not skip the reader (its annotation
    allows None, the reference is guarded, or the edge carries no value).
    """

    source: str
    kind: EdgeKind
    takes_none: bool = True


class Policy(str, Enum):
    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ANY_FAILED = "any_failed"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a loop: the names it binds and where their lists come from.

    `sources[i]` is the expression text, or a literal list, of `names[i]`;
    several names on one axis are zipped.
    """

    names: tuple[str, ...]
    sources: tuple[str | tuple[Document, ...], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`foreach`: axes (the first is outermost), filter, key and limits.

    `min_success` is a fraction of the items (1.0: all). `elementwise` names the
    node whose items these are, one by one; then there is one axis with one name.
    """

    axes: tuple[Axis, ...]
    where: str | None = None
    key: str | None = None
    max_parallel: int | None = None
    fail_fast: bool = True
    min_success: float = 1.0
    max_items: int = 10_000
    elementwise: str | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """`repeat`: start values (expressions), the condition to stop, the bound."""

    start: Mapping[str, Document]
    until: str | None
    max_rounds: int
    delay: float = 0.0
    accept_max: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed attempt is tried again; times in seconds.

    `on` holds reasons (error, timeout, oom) and exception names.
    """

    attempts: int = 1
    exponential: bool = False
    delay: float = 0.0
    max_delay: float | None = None
    jitter: float = 0.0
    on: tuple[str, ...] = ("error", "timeout", "oom")
    infra: int = 10
    grow_memory: float = 1.0
    grow_timeout: float = 1.0
    grow_max_memory: int | None = None
    grow_max_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """`count` devices of one of `types` (empty: any) with at least `memory` bytes each."""

    count: int = 0
    types: tuple[str, ...] = ()
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Resources:
    """What one task (one node of a gang) holds while it runs; sizes in bytes."""

    cpu: float = 1.0
    memory: int = 0
    gpu: Gpu = field(default_factory=Gpu)
    disk: int = 0
    shm: int = 0
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Catch:
    """What stands in for a task whose last attempt failed: a value, or a callable's result."""

    value: Document = None
    callable: str | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """When an earlier result may stand for a task's own.

    `key` are expressions that count in place of inputs and arguments (None: those
    count themselves), `ttl` is in seconds, `paths` names the arguments that are
    paths: what lies there counts, not only where. `context`: the callable takes one.
    """

    key: tuple[str, ...] | None = None
    version: str = ""
    ttl: float | None = None
    image: str = ""
    paths: tuple[str, ...] = ()
    context: bool = False


@dataclass(frozen=True, slots=True)
class PythonTarget:
    """A callable by import path; `outputs` names the parts of a returned tuple.

    `parameters` are (name, kind) of the signature when the validator could read
    it: positional-only ones are filled by position.
    """

    callable: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """An argv (`command`) or a shell script (`sh`), and the outputs it leaves.

    `argv` items are templates; an item that is one whole hole may splice a list.
    `outputs` maps a name to its declaration: {"file": ..}, {"dir": ..},
    {"glob": ..}, {"json": ..}, {"text": ..} or {"stdout": "text" | "json"},
    with optional "beside": [patterns].
    """

    argv: tuple[str, ...] = ()
    script: str | None = None
    outputs: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)


Target = PythonTarget | CommandTarget


@dataclass(frozen=True, slots=True)
class Action:
    """What a task does; opaque to the scheduler.

    `inputs` are expressions (a string) or structures whose string leaves are
    expressions. `arguments` (`with`) and `env` are literals whose strings may
    have holes. `secrets` maps a variable to a reference, never a value;
    `env_pass` names variables of the caller that a clean environment gets too.
    `iterated` names the fields of the value that some loop iterates ("" is the
    whole value): they are stored item by item. `definition` is the digest of
    what makes two versions of this step the same for resume.
    """

    target: Target
    inputs: Mapping[str, Document] = field(default_factory=dict)
    arguments: Mapping[str, Document] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    env_pass: tuple[str, ...] = ()
    cwd: str = "code"
    python: str | None = None
    iterated: tuple[str, ...] = ()
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the root `params` is inside a group made of another file (`uses`).

    `inputs` are expressions and `arguments` templates, both over what the group
    itself sees (its own item included); `values` are known documents. A name
    stands in one of the three.
    """

    inputs: Mapping[str, Document] = field(default_factory=dict)
    arguments: Mapping[str, Document] = field(default_factory=dict)
    values: Mapping[str, Document] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """A step: a task (`action`) or a group (`children`), once or once per item.

    `parent` is the enclosing group's id ("" at the top), `depth` the number of
    loop levels around it, `rank` its topological depth over the whole file
    (later nodes go first when slots are scarce). `when_item`: the condition reads
    the node's own loop variables and is asked per item. `isolation` shared: several
    items may be handed out under one grant, to be done one after another; `items_per_task`
    are as many, where the file says so. `bindings` stand on a
    group made of another file: its steps see them as `params`, and nothing else.
    """

    id: str
    name: str
    parent: str
    depth: int
    rank: int
    edges: tuple[Edge, ...] = ()
    action: Action | None = None
    children: tuple[str, ...] = ()
    outputs: Mapping[str, Document] = field(default_factory=dict)
    loop: Loop | None = None
    repeat: Repeat | None = None
    when: str | None = None
    when_item: bool = False
    policy: Policy = Policy.ALL_SUCCESS
    retry: Retry = field(default_factory=Retry)
    timeout: float | None = None
    deadline: float | None = None
    start_timeout: float | None = None
    catch: Catch | None = None
    cache: Cache | None = None
    executor: str = "local"
    resources: Resources = field(default_factory=Resources)
    limit: str | None = None
    isolation: str = "process"
    items_per_task: int = 0
    hook: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    bindings: Bindings | None = None

    @property
    def is_group(self) -> bool:
        return self.action is None

    @property
    def levels(self) -> int:
        """Loop levels inside: what this node adds to the path of its tasks or children."""
        return (self.loop is not None) + (self.repeat is not None)


@dataclass(frozen=True, slots=True)
class Param:
    """A resolved parameter: its declared type and the value of this run, `given` or by default."""

    name: str
    type: str
    value: Document
    help: str = ""
    secret: bool = False
    given: bool = False


@dataclass(frozen=True, slots=True)
class Shipment:
    """Which files are the pipeline's code: those of a folder, more by patterns, less by patterns."""

    root: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole pipeline, ready to run.

    `nodes` is in file order, parents before children. `roots` are the top-level
    steps, `hooks` maps on_success, on_failure and on_exit to theirs. `outputs`
    are the expressions whose values `run` prints. `code_roots` are the import
    roots in order, `code` is what of them travels to other machines. `profiles`
    are the executors that steps name: `type` and the options of that type as plain data.
    """

    name: str
    nodes: Mapping[str, Node]
    roots: tuple[str, ...]
    params: Mapping[str, Param] = field(default_factory=dict)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, Document] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    deadline: float | None = None
    code_roots: tuple[str, ...] = ()
    code: Shipment = field(default_factory=Shipment)
    env_allow: tuple[str, ...] = ()
    description: str = ""
    digest: str = ""
    profiles: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
