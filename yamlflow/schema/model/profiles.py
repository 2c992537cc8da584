"""Named executors: where steps run, one record per type.

Which keys a type has is decided here; whether the backend likes the values is
its executor's business.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yamlflow.schema.model.kinds import (
    TEXT,
    Count,
    Cpus,
    Json,
    Size,
    Text,
    TimeLimit,
    Variable,
    Written,
    alone,
    as_text,
    whole,
    words,
)
from yamlflow.schema.model.records import Also, Record
from yamlflow.schema.model.resources import GPU, MODEL, read_gpu
from yamlflow.schema.model.shapes import Choice, Kind, Listed, Mapped, Recorded, Tagged
from yamlflow.schema.model.steps import Defaults, Environment, Isolation, Secrets, Tags
from yamlflow.schema.nodes import Scalar

Object = dict[Text, Json]
Labels = Annotated[dict[str, str], Mapped(TEXT, Written.__metadata__[0])]


class ProfileDefaults(Defaults):
    """Step defaults that hold on one profile only."""

    misplaced: ClassVar[Mapping[str, str]] = {
        **Defaults.misplaced,
        "executor": "the profile is the executor",
    }


def _number_or_word(scalar: Scalar) -> str:
    if isinstance(scalar.value, int) and not isinstance(scalar.value, bool):
        return scalar.text
    return as_text(scalar)


NUMBER_OR_WORD = Kind("text", "a name or a number", _number_or_word, {"type": ["string", "integer"]})


class GpuDevice(Record):
    """One GPU of the machine, named by hand."""

    wanted: ClassVar[str] = "a mapping such as `{type: a100, memory: 40Gi}`"
    type: Annotated[str | None, MODEL] = Field(None, description="Its type.", examples=["a100"])
    memory: Size | None = Field(None, description="Its memory.", examples=["40Gi"])
    id: Annotated[str | None, NUMBER_OR_WORD] = Field(
        None, description="What CUDA_VISIBLE_DEVICES gets for it; its place in the list unless said.", examples=["0"]
    )


def _devices(scalar: Scalar) -> tuple[GpuDevice, ...]:
    """`2` or `a100:2`: that many devices."""
    request = read_gpu(scalar)
    assert isinstance(request.count, int)
    named = {"type": request.type[0]} if request.type else {}
    return tuple(GpuDevice.build({**named}, ()) for _ in range(request.count))


def _device(scalar: Scalar) -> GpuDevice:
    return GpuDevice.build({"type": MODEL.read(scalar)}, ())


DEVICES = Kind("gpu", GPU.wanted, _devices, GPU.schema)
DEVICE = Choice(
    Kind("gpu", "a type of GPU such as `a100`", _device, MODEL.schema), None, Recorded(GpuDevice, GpuDevice.wanted)
)
Gpus = Annotated[tuple[GpuDevice, ...], Listed(DEVICE), Also(DEVICES)]


class Profile(Record):
    """What profiles of every type have."""

    wanted: ClassVar[str] = "a mapping such as `{type: docker, image: python}`"
    ships_code: ClassVar[bool] = True  # its tasks find nothing of the project but the code package
    type: Text = Field(..., description="local, docker, batch or kubernetes.", examples=["docker"])
    defaults: ProfileDefaults | None = Field(
        None, description="Step defaults that hold on this profile only.", examples=[{"timeout": "4h"}]
    )
    max_parallel: Count | None = Field(None, description="How many tasks run on it at once.", examples=[100])
    env: Environment = Field({}, description="Environment variables of every task on it.", examples=[{"TZ": "UTC"}])
    env_pass: tuple[Variable, ...] = Field(
        (), description="Variables of the caller's environment that tasks get too.", examples=[["HTTPS_PROXY"]]
    )
    secrets: Secrets = Field({}, description="Secrets of every task on it, by reference.", examples=[["HF_TOKEN"]])
    start_timeout: TimeLimit | None = Field(
        None, description="The longest a task may wait for its start.", examples=["30m"]
    )


class LocalProfile(Profile):
    """Processes on this machine."""

    ships_code: ClassVar[bool] = False
    type: Annotated[Literal["local"], words("type", "local")] = Field(
        ..., description="This machine.", examples=["local"]
    )
    cpu: Cpus | None = Field(None, description="CPUs to share out; all unless said.", examples=[8])
    memory: Size | None = Field(None, description="Memory to share out; what is free unless said.", examples=["32Gi"])
    gpus: Gpus | None = Field(
        None,
        description="GPUs to share out: a number, or a list of types; found by NVML unless said.",
        examples=[2, ["a100", "a100"], [{"type": "a100", "memory": "40Gi"}]],
    )
    isolation: Isolation | None = Field(
        None, description="A process for each task, or one for many.", examples=["shared"]
    )
    env_inherit: bool = Field(True, description="Tasks get the caller's whole environment.", examples=[False])


class DockerProfile(Profile):
    """Containers of a Docker engine."""

    type: Annotated[Literal["docker"], words("type", "docker")] = Field(
        ..., description="A Docker engine.", examples=["docker"]
    )
    image: Text | None = Field(
        None, description="The image of steps that name none.", examples=["ghcr.io/acme/churn:1.4"]
    )
    host: Text | None = Field(None, description="The engine's address.", examples=["unix:///var/run/docker.sock"])
    context: Text | None = Field(
        None, description="The docker context that names the engine.", examples=["desktop-linux"]
    )
    network: Text | None = Field(None, description="The network containers join.", examples=["bridge"])
    volumes: tuple[Text, ...] = Field(
        (), description="Folders or volumes to mount, as Docker writes them.", examples=[["/data:/data:ro"]]
    )
    user: Annotated[str | None, NUMBER_OR_WORD] = Field(
        None, description="Who runs inside the container; the caller unless said.", examples=["1000:1000"]
    )
    pull: Annotated[Literal["missing", "always", "never"], words("pull", "missing", "always", "never")] = Field(
        "missing", description="When images are fetched.", examples=["always"]
    )
    platform: Text | None = Field(None, description="The image's platform.", examples=["linux/amd64"])
    read_only: bool = Field(False, description="The root file system cannot be written.", examples=[True])
    gpus: Gpus | None = Field(None, description="GPUs to share out, as on `local`.", examples=[2])
    init: bool = Field(True, description="A small init process reaps orphans.", examples=[False])
    extra_hosts: tuple[Text, ...] = Field(
        (), description="More lines for the hosts file.", examples=[["host.docker.internal:host-gateway"]]
    )


class BatchProfile(Profile):
    """Jobs of AWS Batch."""

    type: Annotated[Literal["batch"], words("type", "batch")] = Field(..., description="AWS Batch.", examples=["batch"])
    queue: Text | None = Field(None, description="The job queue's name or ARN.", examples=["gpu-spot"])
    region: Text | None = Field(None, description="The AWS region.", examples=["us-east-1"])
    job_role: Text | None = Field(
        None, description="The role tasks have.", examples=["arn:aws:iam::123456789012:role/task"]
    )
    execution_role: Text | None = Field(
        None, description="The role that starts containers.", examples=["arn:aws:iam::123456789012:role/start"]
    )
    image: Text | None = Field(
        None, description="The image of steps that name none.", examples=["ghcr.io/acme/churn:1.4"]
    )
    share_identifier: Text | None = Field(None, description="The share of a fair-share queue.", examples=["growth"])
    priority: Annotated[int | None, whole("count", "a priority from 0 to 9999", 0, 9999)] = Field(
        None, description="The scheduling priority within the share.", examples=[10]
    )
    log_group: Text | None = Field(None, description="The CloudWatch log group.", examples=["/aws/batch/churn"])
    platform: Annotated[Literal["ec2", "fargate"], words("platform", "ec2", "fargate")] = Field(
        "ec2", description="What the queue's machines are.", examples=["fargate"]
    )
    subnets: Annotated[tuple[str, ...], Listed(TEXT), Also(alone(TEXT))] = Field(
        (), description="Subnets of cluster steps.", examples=[["subnet-0abc"]]
    )
    security_groups: Annotated[tuple[str, ...], Listed(TEXT), Also(alone(TEXT))] = Field(
        (), description="Security groups of cluster steps.", examples=[["sg-0abc"]]
    )
    volumes: tuple[Object, ...] = Field(
        (),
        description="Volumes, as Batch writes them, each with the path it is mounted at.",
        examples=[[{"efs": "fs-0abc", "path": "/data"}]],
    )
    tags: Tags = Field({}, description="Tags of jobs and definitions.", examples=[{"team": "growth"}])
    job_definition: Text | None = Field(
        None, description="A job definition made beforehand, in place of ours.", examples=["churn:3"]
    )


class KubernetesProfile(Profile):
    """Jobs of a Kubernetes cluster."""

    type: Annotated[Literal["kubernetes"], words("type", "kubernetes")] = Field(
        ..., description="A Kubernetes cluster.", examples=["kubernetes"]
    )
    context: Text | None = Field(None, description="The context of the kubeconfig.", examples=["prod"])
    namespace: Text | None = Field(None, description="The namespace of all objects.", examples=["ml"])
    image: Text | None = Field(
        None, description="The image of steps that name none.", examples=["ghcr.io/acme/churn:1.4"]
    )
    service_account: Text | None = Field(None, description="The service account of pods.", examples=["churn"])
    image_pull_secrets: Annotated[tuple[str, ...], Listed(TEXT), Also(alone(TEXT))] = Field(
        (), description="Secrets with registry credentials.", examples=[["regcred"]]
    )
    node_selector: Labels = Field({}, description="Labels a node must have.", examples=[{"pool": "gpu"}])
    tolerations: tuple[Object, ...] = Field(
        (),
        description="Taints the pods bear, as Kubernetes writes them.",
        examples=[[{"key": "gpu", "operator": "Exists"}]],
    )
    affinity: Object | None = Field(
        None, description="Affinity, as Kubernetes writes it.", examples=[{"nodeAffinity": {}}]
    )
    priority_class: Text | None = Field(None, description="The priority class of pods.", examples=["low"])
    queue: Text | None = Field(None, description="The Kueue queue.", examples=["team-a"])
    volumes: tuple[Object, ...] = Field(
        (),
        description="Volumes, as Kubernetes writes them, each with the path it is mounted at.",
        examples=[[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}, "path": "/data"}]],
    )
    security_context: Object | None = Field(
        None, description="The security context, as Kubernetes writes it.", examples=[{"runAsUser": 1000}]
    )
    gpu_resource: Text | None = Field(None, description="The resource GPUs are asked by.", examples=["nvidia.com/gpu"])
    gpu_selector: dict[Text, Labels] = Field(
        {},
        description="For each type of GPU the labels its nodes have.",
        examples=[{"a100": {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}}],
    )
    annotations: Labels = Field({}, description="Annotations of all objects.", examples=[{"team": "growth"}])
    labels: Labels = Field({}, description="Labels of all objects.", examples=[{"team": "growth"}])
    pod_template: Object | None = Field(
        None, description="A part of a pod's manifest, laid over ours.", examples=[{"spec": {"dnsPolicy": "Default"}}]
    )
    cluster: Text | None = Field(None, description="The cluster of the kubeconfig.", examples=["prod-eu"])


PROFILES: Mapping[str, type[Profile]] = {
    "local": LocalProfile,
    "docker": DockerProfile,
    "batch": BatchProfile,
    "kubernetes": KubernetesProfile,
}
AnyProfile = Annotated[Profile, Tagged("type", PROFILES, "a mapping such as `{type: docker, image: python}`")]
