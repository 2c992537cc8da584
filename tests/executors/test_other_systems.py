"""The local executor where Linux's own calls are missing: a system that says it is macOS and has none of them.

Honest as far as it goes: what macOS itself does otherwise is not seen here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MACOS = """
import os, socket, sys, sysconfig
sysconfig.get_config_vars()  # it looks for a file that is named after the platform
sys.platform = "darwin"
for name in ("memfd_create", "pipe2", "sched_getaffinity", "waitid"):
    delattr(os, name)
real = socket.socketpair
def socketpair(family=None, type=socket.SOCK_STREAM, proto=0):
    assert type == socket.SOCK_STREAM, "macOS has no such sockets"
    return real(family or socket.AF_UNIX, type, proto)
socket.socketpair = socketpair
"""

TASKS = """
import os, sys, time
def one(x):
    print("one", x)
    if x == 3: os._exit(3)
    if x == 5: time.sleep(600)
    return [os.getpid(), sys.platform]
def hang():
    with open("pid.txt", "w") as file: file.write(f"{os.getpid()} {os.getppid()}")
    time.sleep(600)
def ok(): return sys.platform
"""

MANY = """
yamlflow: 1
steps:
  ok: {run: "tasks:ok"}
  script: {sh: "echo $((6 * 7)); sleep 0", outputs: {out: {stdout: text}}, secrets: {KEY: "env:KEY"}}
  many:
    foreach: {x: range(8)}
    run: "tasks:one"
    inputs: {x: each.x}
    timeout: 6s
    fail_fast: false
    isolation: ISOLATION
outputs: {ok: steps.ok, script: steps.script.out}
"""


@pytest.fixture
def macos(tmp_path):
    """Starts yamlflow there; everything it starts is there too."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(MACOS)
    (tmp_path / "yamlflow.toml").write_text("")
    (tmp_path / "tasks.py").write_text(TASKS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YAMLFLOW_", "PYTEST_"))}
    env = {**kept, "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}", "KEY": "a-long-secret"}

    def start(pipeline: str) -> subprocess.Popen[str]:
        (tmp_path / "pipeline.yaml").write_text(pipeline)
        return subprocess.Popen(
            [sys.executable, "-m", "yamlflow", "run", "pipeline.yaml", "--json", "--keep-going"],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(holds, words, patience=45):
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, words
        time.sleep(0.02)


@pytest.mark.parametrize("isolation", ["process", "shared"])
def test_tasks_run_crash_and_time_out_as_elsewhere(macos, isolation):
    process = macos(MANY.replace("ISOLATION", isolation))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    document = json.loads(out)
    counts = {state: count for state, count in document["steps"]["many"]["counts"].items() if count}
    assert counts == {"succeeded": 6, "failed": 2}, err
    assert document["steps"]["ok"]["state"] == document["steps"]["script"]["state"] == "succeeded"
    said = " ".join(failure["message"] for failure in document["failures"])
    assert "exit code 3" in said
    assert "timeout of 6 s" in said


@pytest.mark.parametrize("isolation", ["process", "shared"])
@pytest.mark.parametrize("victim", ["launcher", "template"])
def test_a_task_ends_with_the_launcher_and_with_its_template(macos, tmp_path, isolation, victim):
    process = macos(
        f'yamlflow: 1\nsteps: {{hang: {{run: "tasks:hang", isolation: {isolation}, retry: {{infra: 0}}}}}}\n'
    )
    try:
        note = tmp_path / "pid.txt"
        until(lambda: note.exists() and len(note.read_text().split()) == 2, "the task never began")
        task, template = map(int, note.read_text().split())
        os.kill(process.pid if victim == "launcher" else template, signal.SIGKILL)
        until(lambda: ended(task) and ended(template), "somebody is left")
        if victim == "template":
            out, err = process.communicate(timeout=60)
            assert process.returncode == 1, err
            assert json.loads(out)["failures"][0]["reason"] == "lost"
    finally:
        process.kill()
        process.communicate()
