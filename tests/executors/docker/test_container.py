"""The exact configuration of a container, and which engine is asked for one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from yamlflow.core.errors import SetupError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Grant, Job
from yamlflow.executors.docker.container import Setting, configuration
from yamlflow.executors.docker.engine import Abilities, find
from yamlflow.executors.docker.executor import DockerExecutor
from yamlflow.executors.docker.options import DockerOptions

JOB = Job(
    attempt_id="abcd-fit-0123456789ab-a1",
    run_id="20260101-0000-abcd",
    task=TaskId("fit", (0,)),
    display="fit[0]",
    attempt=1,
    target={"kind": "python", "callable": "tasks:fit"},
    env={"PYTHONHASHSEED": "1", "PLAIN": "in the interpreter"},
    secrets={"TOKEN": "env:TOKEN"},
    grant=Grant(1.5, 2 << 30, ("GPU-1",), 64 << 20),
    code_roots=("/p/.yamlflow/code/0a/src", "/p/.yamlflow/code/0a"),
    log="/p/.yamlflow/runs/r/logs/a.log",
    scratch="/p/.yamlflow/runs/r/scratch/a",
    store="/p/.yamlflow/store",
)


def configured(options=None, abilities=None, job=JOB):
    setting = Setting(options or DockerOptions(image="i"), abilities or Abilities(), "/lib/yamlflow", (1000, 100))
    return configuration(setting, [job], image="sha256:1", folder="/p/.yamlflow/runs/r/containers/a")


def test_what_a_task_was_granted_is_what_its_container_may_use():
    host = configured()["HostConfig"]
    assert host["NanoCpus"] == 1_500_000_000
    assert host["Memory"] == host["MemorySwap"] == 2 << 30
    assert host["ShmSize"] == 64 << 20
    assert host["DeviceRequests"] == [{"Driver": "", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}]


def test_a_container_gets_no_more_rights_than_it_needs():
    host = configured()["HostConfig"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] > 0
    assert "Privileged" not in host


def test_code_and_worker_can_only_be_read_and_paths_are_the_same_inside():
    mounts = configured()["HostConfig"]["Mounts"]
    written = {mount["Target"]: mount["Source"] for mount in mounts if not mount["ReadOnly"]}
    read = {mount["Target"]: mount["Source"] for mount in mounts if mount["ReadOnly"]}
    run = "/p/.yamlflow/runs/r"
    places = ["/p/.yamlflow/store", f"{run}/checkpoints", f"{run}/containers/a", f"{run}/logs", f"{run}/scratch"]
    assert written == {place: place for place in places}
    assert read["/p/.yamlflow/code/0a"] == "/p/.yamlflow/code/0a"
    assert "/p/.yamlflow/code/0a/src" not in read  # it lies in the other one
    assert read["/opt/yamlflow/yamlflow/core"] == "/lib/yamlflow/core"


def test_nothing_of_the_launchers_environment_and_no_secret_is_in_it(monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter22")
    config = configured()
    assert config["Env"] == ["HOME=/tmp", "PYTHONHASHSEED=1"]
    assert "hunter22" not in json.dumps(config)


@pytest.mark.parametrize(
    ("options", "abilities", "user", "namespace"),
    [
        (DockerOptions(), Abilities(), "1000:100", None),
        (DockerOptions(user="7:7"), Abilities(), "7:7", None),
        (DockerOptions(), Abilities(rootless=True), "0:0", None),
        (DockerOptions(), Abilities(rootless=True, podman=True), "1000:100", "keep-id"),
    ],
)
def test_files_belong_to_whoever_started_the_run_on_every_kind_of_engine(options, abilities, user, namespace):
    config = configured(options, abilities)
    assert (config["User"], config["HostConfig"].get("UsernsMode")) == (user, namespace)


def test_a_read_only_container_has_one_place_to_write_to_that_is_its_own():
    host = configured(DockerOptions(read_only=True))["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert list(host["Tmpfs"]) == ["/tmp"]


@pytest.mark.parametrize(("network", "mode"), [("", "default"), ("host", "host"), ("mine", "mine")])
def test_the_host_has_a_name_except_where_it_shares_its_network(network, mode):
    host = configured(DockerOptions(network=network, extra_hosts=("db:10.0.0.1",)))["HostConfig"]
    assert host["NetworkMode"] == mode
    assert host["ExtraHosts"][0] == "db:10.0.0.1"
    assert ("host.docker.internal:host-gateway" in host["ExtraHosts"]) == (network != "host")


def test_without_a_request_there_is_no_limit():
    host = configured(job=replace(JOB, grant=Grant(0.0)))["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (0, 0)
    assert "DeviceRequests" not in host


def test_the_engine_is_the_one_that_is_named_then_the_environments_then_a_usual_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert find("tcp://1.2.3.4:5", environ={"DOCKER_HOST": "tcp://no"}) == "tcp://1.2.3.4:5"
    assert find(environ={"DOCKER_HOST": "unix:///run/mine.sock"}) == "unix:///run/mine.sock"
    assert find(environ={}).startswith("unix:///")


def test_a_context_that_there_is_not_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(SetupError, match="there is no docker context `nowhere`") as caught:
        find(context="nowhere")
    assert "docker context ls" in caught.value.hint


def test_without_an_engine_the_run_is_refused_and_says_where_it_looked(tmp_path):
    socket = f"unix://{tmp_path}/docker.sock"
    with pytest.raises(SetupError, match=f"no Docker engine answers at {socket}") as caught:
        DockerExecutor(DockerOptions(host=socket))
    assert "DOCKER_HOST" in caught.value.hint
