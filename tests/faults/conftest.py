"""A small project, and launchers in which any one system call on its state can be made to fail."""

from __future__ import annotations

import errno
import json
import mmap
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.cli.conftest import clean_environment

MAKES, WRITES, SYNCS, READS, NAMES, OPENS = (1 << bit for bit in range(6))


@dataclass(frozen=True)
class Fault:
    """An error of the system, the kinds of calls (shim.c) that can have it, and the launcher's exit code for it."""

    name: str
    error: int
    kinds: int
    code: int = 74
    sticky: bool = False


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("ENOSPC", errno.ENOSPC, MAKES | WRITES | SYNCS),
        Fault("EIO", errno.EIO, WRITES | SYNCS | READS | NAMES),
        Fault("EACCES", errno.EACCES, OPENS | NAMES, 77, sticky=True),
        Fault("EINTR", errno.EINTR, WRITES | SYNCS | OPENS),
        Fault("short write", 0, WRITES),
    )
}

PIPELINE = """
yamlflow: 1
name: small
steps:
  make: {run: "work:make"}
  use: {run: "work:use", inputs: {made: steps.make}}
outputs: {result: steps.use}
"""

WORK = """
import os
from pathlib import Path

LEDGER = Path(__file__).with_name("ledger.txt")


def note(name):
    handle = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, (name + "\\n").encode())
    os.close(handle)


def make():
    print("hello")
    note("make")
    path = LEDGER.with_name("out.txt")
    path.write_text("content")
    return {"file": path, "bytes": bytes(5000)}


def use(made: dict):
    note("use")
    return f"{made['file'].name} {made['file'].read_text()} {len(made['bytes'])}"
"""

RESULT = {"result": "out.txt content 5000"}


@dataclass(frozen=True)
class Launched:
    code: int
    out: str
    err: str


class Project:
    """The small project; `struck` is the call that failed, once one has."""

    def __init__(self, folder: Path, launchers: subprocess.Popen[str], plan: mmap.mmap) -> None:
        self.folder = folder
        self.state = folder / ".yamlflow"
        self._launchers = launchers
        self._plan = plan

    def renew(self) -> None:
        self.disarm()
        shutil.rmtree(self.state, ignore_errors=True)
        (self.folder / "ledger.txt").unlink(missing_ok=True)

    def ledger(self) -> list[str]:
        path = self.folder / "ledger.txt"
        return path.read_text().splitlines() if path.exists() else []

    def arm(self, fault: Fault, at: int) -> None:
        """The call of this number fails; with `sticky` faults all later ones on that path, too."""
        struct.pack_into("6i256s", self._plan, 0, 0, at, fault.error, fault.kinds, fault.sticky, 0, b"")

    def disarm(self) -> None:
        struct.pack_into("6i", self._plan, 0, 0, 0, 0, 0, 0, 0)

    @property
    def count(self) -> int:
        return struct.unpack_from("i", self._plan)[0]

    @property
    def struck(self) -> str:
        return struct.unpack_from("256s", self._plan, 24)[0].split(b"\0")[0].decode(errors="replace")

    def launch(self, *arguments: str, largest: int = 0) -> Launched:
        out, err = (str(self.folder / name) for name in ("out", "err"))
        order = {"arguments": arguments, "folder": str(self.folder), "out": out, "err": err, "largest": largest}
        assert self._launchers.stdin and self._launchers.stdout
        print(json.dumps(order), file=self._launchers.stdin, flush=True)
        code = int(self._launchers.stdout.readline())
        return Launched(code, Path(out).read_text(), Path(err).read_text(errors="replace"))

    def outputs(self, launched: Launched) -> Any:
        return json.loads(launched.out)["outputs"]


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.fixture
def project(tmp_path, shim) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(dedent(PIPELINE))
    (folder / "work.py").write_text(dedent(WORK))
    place = tmp_path / "plan"
    place.write_bytes(bytes(4096))
    env = {"LD_PRELOAD": str(shim), "FAULT_PLAN": str(place), "FAULT_FOLDER": str(folder / ".yamlflow")}
    with (
        place.open("r+b") as file,
        mmap.mmap(file.fileno(), 4096) as plan,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("launchers.py"))],
            env={**clean_environment(), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as launchers,
    ):
        yield Project(folder, launchers, plan)
        launchers.stdin.close()
