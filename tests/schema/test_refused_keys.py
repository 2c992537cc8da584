"""Keys that this version does not honour: each is refused before a run, at its own place, and never ignored."""

from __future__ import annotations

import pytest

from yamlflow.schema.diagnostics import Diagnostic, Severity
from yamlflow.schema.loader import check_text, load_text
from yamlflow.schema.model.profiles import PROFILES
from yamlflow.schema.model.records import layout

FILE = "yamlflow: 1\n{top}\nsteps:\n  one:\n    sh: 'true'\n    {step}\n"

STEP_KEYS = (
    "image: python:3.12",
    "cluster: 4",
    "cluster: {nodes: 4, framework: torch}",
    "cluster: {nodes: 4, procs_per_node: 2}",
    "cluster: {nodes: 4, start_timeout: 10m}",
    "cluster: {nodes: 4, service: true}",
    "requirements: requirements.txt",
    "requirements: [numpy]",
    "executor: {use: local, max_parallel: 1}",
)
TOP_KEYS = (
    "store: s3://bucket/prefix",
    "store: file:///shared/path",
    "keep: {runs: 5}",
    "keep: {days: 5}",
    'schedule: {cron: "0 3 * * *"}',
    'schedule: {cron: "0 3 * * *", timezone: Europe/London}',
    'schedule: {cron: "0 3 * * *", overlap: fail}',
    'schedule: {cron: "0 3 * * *", params: {day: "1"}}',
    *(
        f"{hook}: {{notify: {{{key}: {value}}}}}"
        for hook in ("on_success", "on_failure", "on_exit")
        for key, value in {
            "slack": "https://x.example/hook",
            "webhook": "https://x.example/hook",
            "email": "somebody@x.example",
            "ping": "https://x.example/ping",
        }.items()
    ),
)
LATER = [(kind, key) for kind in ("batch", "kubernetes") for key in layout(PROFILES[kind]).slots]
NO_EFFECT = ("disk: 100Gi", "shm: 8Gi", "spot: true")


def refusals(top: str = "", step: str = "") -> list[Diagnostic]:
    """What stops a run of a file that is otherwise right."""
    loaded = load_text(FILE.format(top=top, step=step))
    assert loaded.ok, [found.message for found in loaded.diagnostics]
    return list(loaded.unsupported)


@pytest.mark.parametrize("key", STEP_KEYS)
def test_a_key_of_a_step_is_refused_at_its_place(key):
    (found,) = refusals(step=key)
    assert (found.code, found.severity) == ("not-yet-supported", Severity.ERROR)
    assert found.span.line == 6


@pytest.mark.parametrize("key", TOP_KEYS)
def test_a_key_at_the_top_is_refused_at_its_place(key):
    (found,) = refusals(top=key)
    assert (found.code, found.severity) == ("not-yet-supported", Severity.ERROR)
    assert found.span.line == 2


@pytest.mark.parametrize(("kind", "key"), LATER, ids="-".join)
def test_a_profile_of_a_later_version_is_refused_with_all_its_keys(kind, key):
    (found,) = refusals(top=f"executors: {{far: {profile(kind, key)}}}", step="executor: far")
    assert (found.code, found.severity) == ("not-yet-supported", Severity.ERROR)
    assert kind in found.message


@pytest.mark.parametrize("key", layout(PROFILES["docker"]).slots)
def test_a_docker_profile_is_honoured_with_all_its_keys_but_the_machines_gpus(key):
    found = refusals(top=f"executors: {{far: {profile('docker', key)}}}", step="executor: far")
    assert [one.message.partition(":")[0] for one in found] == (["`gpus`"] if key == "gpus" else [])


def test_items_per_task_has_no_effect_on_this_machine_and_one_in_containers():
    (found,) = refusals(step="items_per_task: 10")
    assert (found.code, found.severity, found.span.line) == ("unused-key", Severity.WARNING, 6)
    assert refusals(step="items_per_task: auto") == []
    box = "executors: {box: {type: docker, image: i}}"
    assert refusals(top=box, step="{executor: box, items_per_task: 10}".strip("{}").replace(", ", "\n    ")) == []


def profile(kind: str, key: str) -> str:
    """A profile that has this key, with its example as the value."""
    from yamlflow.schema.model.records import _flow

    slots = layout(PROFILES[kind]).slots
    keys = {"type": kind, "image": "x"} | ({} if key == "type" else {key: slots[key].info.examples[0]})
    return _flow(keys)


def test_a_secret_of_the_local_profile_is_refused_where_a_step_uses_it():
    top = "executors: {here: {type: local, env: {A: b}, secrets: {TOKEN: 'aws-sm:x'}}}"
    (found,) = refusals(top=top, step="executor: here")
    assert found.code == "not-yet-supported"


@pytest.mark.parametrize("key", ["cpu: 1", "memory: 1Gi", "gpus: 1"])
def test_only_the_profile_local_divides_the_machine(key):
    (found,) = refusals(top=f"executors: {{half: {{type: local, {key}}}}}", step="executor: half")
    assert found.code == "not-yet-supported"
    assert refusals(top=f"executors: {{local: {{type: local, {key}}}}}") == []


def test_a_deadline_of_a_group_is_refused():
    loaded = load_text("yamlflow: 1\nsteps:\n  all:\n    deadline: 1h\n    steps: {one: {sh: 'true'}}\n")
    (found,) = loaded.unsupported
    assert (found.code, found.span.line) == ("not-yet-supported", 4)


@pytest.mark.parametrize("key", NO_EFFECT)
def test_a_resource_that_means_nothing_on_this_machine_is_said(key):
    (found,) = refusals(step=f"resources: {{{key}}}")
    assert (found.code, found.severity) == ("unused-key", Severity.WARNING)
    assert key.split(":")[0] in found.message


@pytest.mark.parametrize("key", ["cache: {ttl: 1d}", "cache: false", "isolation: process", "store: local"])
def test_what_asks_for_nothing_is_not_refused(key):
    top, step = (key, "") if key.startswith("store") else ("", key)
    assert refusals(top, step) == []


@pytest.mark.parametrize("key", ["cluster: 4", "requirements: [numpy]"])
def test_the_validator_accepts_what_a_later_version_will_run(key):
    assert check_text(FILE.format(top="", step=key)).ok
