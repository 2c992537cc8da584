"""Which files are a project's code."""

from __future__ import annotations

import subprocess

import pytest

from yamlflow.store import package
from yamlflow.store.package import code_files

FILES = ["a.py", "data/x.csv", ".env", "key.pem", ".git-not/x", "__pycache__/a.pyc", ".yamlflow/state.db", "out/big"]


@pytest.fixture
def project(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def git(folder, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=folder, check=True)


def test_without_git_everything_counts_but_dot_folders_environments_and_secrets(project):
    (project / "venv3" / "lib").mkdir(parents=True)
    (project / "venv3" / "pyvenv.cfg").touch()
    (project / "venv3" / "lib" / "x.py").touch()
    assert list(code_files([project])) == ["a.py", "data/x.csv", "out/big"]


def test_large_files_do_not_count_without_git(project, monkeypatch):
    monkeypatch.setattr(package, "LARGEST", 5)
    assert list(code_files([project])) == ["a.py"]


def test_with_git_tracked_and_unignored_files_count(project):
    git(project, "init", "-q")
    (project / ".gitignore").write_text("out/\n.yamlflow/\n")
    git(project, "add", "a.py")
    assert list(code_files([project])) == [".git-not/x", ".gitignore", "a.py", "data/x.csv"]


def test_a_tracked_secret_is_left_out(project):
    git(project, "init", "-q")
    git(project, "add", "-f", ".env", "key.pem")
    assert not {".env", "key.pem"} & set(code_files([project]))


def test_roots_inside_roots_add_nothing(project):
    assert code_files([project / "data", project]) == code_files([project])
