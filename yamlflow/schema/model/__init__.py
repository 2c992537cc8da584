"""The pipeline file as values: pydantic models, frozen, one per noun of the file.

Read the nouns in `pipeline`, `steps`, `loops`, `failure`, `resources`,
`outputs`, `parameters` and `profiles`; what a value may look like in `shapes`
and `kinds`. The models know no YAML and no places in a file: `decode` makes
them from nodes, `export` makes the JSON Schema from them.

Modules with records do not postpone their annotations: pydantic would compile
each text again for every subclass, a third of what importing them costs.
"""

from yamlflow.schema.model.failure import Catch, Growth, GrowthLimit, Retry
from yamlflow.schema.model.loops import Axis, Foreach, Repeat
from yamlflow.schema.model.outputs import Cache, Output
from yamlflow.schema.model.parameter_types import ParamType
from yamlflow.schema.model.parameters import Param
from yamlflow.schema.model.pipeline import Code, Hooks, Keep, Notify, Pipeline, Schedule
from yamlflow.schema.model.profiles import (
    PROFILES,
    BatchProfile,
    DockerProfile,
    GpuDevice,
    KubernetesProfile,
    LocalProfile,
    Profile,
)
from yamlflow.schema.model.quantities import Refused
from yamlflow.schema.model.records import Record
from yamlflow.schema.model.resources import Cluster, Gpu, Resources
from yamlflow.schema.model.shapes import Hole
from yamlflow.schema.model.step_rules import GROUP_REFUSES, KINDS, StepKind
from yamlflow.schema.model.steps import Defaults, ExecutorUse, Step

__all__ = [
    "GROUP_REFUSES",
    "KINDS",
    "PROFILES",
    "Axis",
    "BatchProfile",
    "Cache",
    "Catch",
    "Cluster",
    "Code",
    "Defaults",
    "DockerProfile",
    "ExecutorUse",
    "Foreach",
    "Gpu",
    "GpuDevice",
    "Growth",
    "GrowthLimit",
    "Hole",
    "Hooks",
    "Keep",
    "KubernetesProfile",
    "LocalProfile",
    "Notify",
    "Output",
    "Param",
    "ParamType",
    "Pipeline",
    "Profile",
    "Record",
    "Refused",
    "Repeat",
    "Resources",
    "Retry",
    "Schedule",
    "Step",
    "StepKind",
]
