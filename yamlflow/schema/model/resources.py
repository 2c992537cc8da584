"""What a task needs of a machine: CPUs, memory, GPUs, and how many machines at once."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yamlflow.schema.model import quantities
from yamlflow.schema.model.kinds import (
    COUNT,
    BooleanOrHole,
    CountOrHole,
    CpusOrHole,
    SizeOrHole,
    TimeLimitOrHole,
    alone,
    as_whole,
    is_text,
    text,
    whole,
    words,
)
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Also, Record
from yamlflow.schema.model.shapes import Hole, Kind
from yamlflow.schema.nodes import Scalar

_MODEL_PATTERN = r"[A-Za-z][A-Za-z0-9._-]*"


def _model(name: str) -> str:
    if not quantities.matches(_MODEL_PATTERN, name):
        raise Refused(f"`{name}` is no type of GPU", hint="a type is a word such as `a100`")
    return name.lower()


MODEL = text("gpu", "a type of GPU such as `a100`", _model, _MODEL_PATTERN)


class Gpu(Record):
    """A number of GPUs, of any of some types. `count` 0 takes an inherited request away."""

    wanted: ClassVar[str] = "a mapping such as `{type: a100, count: 2}`"
    type: Annotated[tuple[str, ...], Also(alone(MODEL))] = Field(
        (), description="The type that will do, or several.", examples=["a100", ["a100", "h100"]]
    )
    count: Annotated[int | Hole, whole("count", "a number of GPUs", 0, 4096).or_hole()] = Field(
        1, description="How many.", examples=[2]
    )
    memory: SizeOrHole | None = Field(None, description="The memory each must have at least.", examples=["40Gi"])


def read_gpu(scalar: Scalar) -> Gpu:
    """`2`, `a100` or `a100:2`."""
    if is_text(scalar) and not str(scalar.value).strip().isdigit():
        return _gpu_of_text(str(scalar.value))
    count = as_whole(scalar)
    if not 0 <= count <= 4096:
        raise Refused(f"`{count}` is no number of GPUs")
    return Gpu.build({"count": count}, ())


def _gpu_of_text(written: str) -> Gpu:
    if not quantities.matches(quantities.GPU_PATTERN, written):
        raise Refused(f"`{written}` is no request for GPUs", hint='write a number, or a type and a number: `"a100:2"`')
    model, _, count = written.partition(":")
    return Gpu.build({"type": (model.lower(),), "count": int(count or 1)}, ())


GPU = Kind(
    "gpu",
    'a number of GPUs such as `2`, or `"a100:2"`',
    read_gpu,
    {"type": ["integer", "string"], "minimum": 0, "maximum": 4096, "pattern": quantities.GPU_PATTERN},
)


class Resources(Record):
    """What one task (of a cluster: one node) has for itself."""

    wanted: ClassVar[str] = "a mapping such as `{cpu: 4, memory: 16Gi}`"
    cpu: CpusOrHole | None = Field(None, description="The number of CPUs; may be a fraction.", examples=[4, 0.5])
    memory: SizeOrHole | None = Field(
        None, description="The memory; a task that takes more is ended as `oom`.", examples=["16Gi"]
    )
    gpu: Annotated[Gpu | Hole | None, Also(GPU.or_hole())] = Field(
        None,
        description="GPUs: a number, `type:number`, or a mapping. 0 takes an inherited request away.",
        examples=[1, "a100:2", {"type": ["a100", "h100"], "count": 2, "memory": "40Gi"}],
    )
    disk: SizeOrHole | None = Field(None, description="Space in the scratch folder.", examples=["100Gi"])
    shm: SizeOrHole | None = Field(None, description="Shared memory (/dev/shm) in a container.", examples=["8Gi"])
    spot: BooleanOrHole | None = Field(
        None, description="The task may run on a machine that can be taken away.", examples=[True]
    )


class Cluster(Record):
    """Several machines at once for one task; all start or none does."""

    wanted: ClassVar[str] = "a mapping such as `{nodes: 4, framework: torch}`"
    nodes: CountOrHole = Field(..., description="The number of machines.", examples=[4])
    framework: Annotated[
        Literal["torch", "mpi", "ray", "dask", "none"], words("framework", "torch", "mpi", "ray", "dask", "none")
    ] = Field("none", description="What is set up between the processes before the task starts.", examples=["torch"])
    procs_per_node: CountOrHole | None = Field(
        None, description="Processes on each machine; the number of its GPUs unless said, else one.", examples=[8]
    )
    start_timeout: TimeLimitOrHole | None = Field(
        None, description="How long to wait until all machines have started.", examples=["10m"]
    )
    service: BooleanOrHole = Field(
        False, description="Give the nodes DNS names through a service, on Kubernetes.", examples=[True]
    )


def _nodes(scalar: Scalar) -> Cluster:
    return Cluster.build({"nodes": COUNT.read(scalar)}, ())


CLUSTER = Kind("count", "a number of machines", _nodes, COUNT.schema, hole=True)
