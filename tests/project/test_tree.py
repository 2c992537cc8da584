"""What no file of the project may be called, or say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
NAMES_WITHOUT_MEANING = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
# Hosts of package registries; the folders of the machine it was written on. (Escaped, they do not match themselves.)
FORBIDDEN = re.compile(
    r"pypi\.org|hosted\.org\b|org/[s]imple|npmjs\.|crates\.io|registry\.[a-z]+\.(?:org|com)"
    r"|/(?:work|farm)/|(?:^|[\s\"'`=(])/work\b|\.\./shared\b|/opt/(?:pypi|wheels)",
    re.MULTILINE,
)


def tracked() -> list[Path]:
    """The files of the checkout that git knows, and new ones it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [file for name in said.split("\0") if name and (file := ROOT / name).is_file()]


def named_without_meaning(name: str) -> bool:
    path = PurePosixPath(name)
    words = {word for part in (*path.parts[:-1], path.name.split(".")[0]) for word in part.lower().split("_")}
    return bool(words & NAMES_WITHOUT_MEANING)


def test_no_file_has_a_name_without_meaning():
    names = [file.relative_to(ROOT).as_posix() for file in tracked()]
    assert "pyproject.toml" in names
    assert [name for name in names if named_without_meaning(name)] == []


@pytest.mark.parametrize("name", ["yamlflow/utils.py", "yamlflow/core/io_helpers.py", "a/common/b.py", "manager.pyi"])
def test_a_name_without_meaning_is_found(name):
    assert named_without_meaning(name)


@pytest.mark.parametrize("name", ["yamlflow/engine/loop.py", "tests/commons.py", "utilization.py", "a.util"])
def test_a_name_with_meaning_is_left_alone(name):
    assert not named_without_meaning(name)


def test_no_file_names_a_registry_or_a_folder_of_the_machine_it_was_written_on():
    found = [
        f"{file.relative_to(ROOT)}: {match[0].strip()}"
        for file in tracked()
        for match in FORBIDDEN.finditer(file.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        ("see ", "/wo", "rk/main"),
        ("cd ", "/wo", "rk"),
        ("..", "/shared/spec"),
        ("https://py", "pi.org/project/x"),
        ("files.pythonhosted", ".org/x"),
        ("--index-url https://mirror.example", ".org/", "simple"),
        ("/opt", "/wheels"),
    ],
)
def test_a_forbidden_place_is_found(words):
    assert FORBIDDEN.search("".join(words))


@pytest.mark.parametrize(
    "text", ["it shall work/last", "/workspace", "yamlflow/worker/main.py", "networks", "a/shared"]
)
def test_a_harmless_place_is_left_alone(text):
    assert not FORBIDDEN.search(text)
