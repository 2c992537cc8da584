"""A disk that is really full, and one that lets no file grow: said in words, nothing lost, and finished afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import RESULT, Launched, Project

pytestmark = [pytest.mark.needs("cc"), pytest.mark.slow]
KIB = 1 << 10


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)


def finish(project: Project, done: Launched, *where: str) -> Launched:
    """Once there is room again: on with the run, or the first one if there is none."""
    if done.code == 0:
        return done
    again = project.launch("resume", "--json", *where)
    return project.launch("run", "--json", *where) if again.code == 2 else again


def check_words(done: Launched, *words: str) -> None:
    assert done.code in (0, 1, 74), done
    assert "Traceback" not in done.err and "bug in yamlflow" not in done.err
    assert not done.code or any(word in done.out + done.err for word in words), done


@pytest.mark.needs("tmpfs")
def test_whenever_a_disk_is_full_the_run_says_so_and_goes_on_when_there_is_room(project, disk):
    where, codes = ("--state-dir", str(disk / "state")), []
    for size in range(8, 360, 12):
        subprocess.run(["rm", "-rf", disk / "state"], check=True)
        project.renew()
        resize(disk, size)
        done = project.launch("run", "--json", *where)
        check_words(done, "No space left on device", "disk is full")
        hints = [line for line in done.err.splitlines() if "yamlflow resume" in line]
        assert all(line.endswith(f"--state-dir {disk / 'state'}") for line in hints), hints
        codes.append(done.code)
        resize(disk, 1 << 16)
        assert json.loads(finish(project, done, *where).out)["outputs"] == RESULT, f"{size} KiB"
    assert set(codes) >= {0, 74}, codes


def test_whichever_file_may_not_grow_the_run_says_so_and_goes_on_when_it_may(project):
    codes = []
    for largest in range(KIB, 260 * KIB, 9 * KIB):
        project.renew()
        done = project.launch("run", "--json", largest=largest)
        check_words(done, "File too large", "disk I/O error", "disk is full")
        codes.append(done.code)
        assert json.loads(finish(project, done).out)["outputs"] == RESULT, f"{largest} bytes"
    assert set(codes) >= {0, 74}, codes
