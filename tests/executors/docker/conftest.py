"""A project whose steps run in containers of a real engine, with a desk that tasks may write on."""

from __future__ import annotations

import subprocess
from textwrap import dedent

import pytest

from tests.stories.projects import Project

TASKS = """\
import os, platform, time
from pathlib import Path

def note(desk, *words):
    with open(f"{desk}/notes", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

def wait_for(path):
    end = time.monotonic() + 100
    while not Path(path).exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)
"""


class Dock(Project):
    """`desk` is mounted in every container; `IMAGE` and `DESK` in a pipeline's text are filled in."""

    def __init__(self, folder):
        super().__init__(folder)
        self.desk = folder.parent / f"{folder.name}-desk"
        self.desk.mkdir()

    def load(self, pipeline, tasks="", image="yamlflow-test:base"):
        profile = f"executors: {{box: {{type: docker, image: '{image}', volumes: ['{self.desk}:{self.desk}']}}}}\n"
        self.write("pipeline.yaml", "yamlflow: 1\n" + profile + dedent(pipeline).replace("DESK", str(self.desk)))
        self.write("tasks.py", TASKS + dedent(tasks))
        return self

    @property
    def notes(self):
        path = self.desk / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def containers(self):
        """Names of all containers of this project's runs, running or not."""
        asked = ["docker", "ps", "-a", "--format", '{{.Names}} {{.Label "yamlflow/folder"}}']
        rows = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
        return [row.split()[0] for row in rows if str(self.folder) in row]

    def strangers(self):
        """Files of the project that belong to somebody else."""
        mine = self.folder.stat().st_uid
        return [path for path in self.folder.rglob("*") if path.lstat().st_uid != mine]


@pytest.fixture
def dock(nothing_left, tmp_path):
    made = Dock(tmp_path)
    yield made
    made.close()
    left = made.containers()
    for name in left:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False, timeout=60)
    assert left == []
