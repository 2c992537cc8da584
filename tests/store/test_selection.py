"""Which files of a project are its code."""

from __future__ import annotations

import os
import subprocess

import pytest

from yamlflow.core.errors import SetupError
from yamlflow.store import selection
from yamlflow.store.selection import OUTSIDE, SECRET, code_files, select

FILES = ["a.py", "data/x.csv", ".env", "key.pem", ".git-not/x", "__pycache__/a.pyc", ".yamlflow/state.db", "out/big"]


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for name in FILES:
        write(root, name)
    return root


def write(root, name: str, text: str | None = None) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(name if text is None else text)


def git(folder, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=folder, check=True)


@pytest.fixture
def repository(project):
    git(project, "init", "-q")
    write(project, ".gitignore", "out/\n.yamlflow/\n*.log\n")
    write(project, "a.log")
    return project


def names(root, include=(), exclude=()) -> list[str]:
    return list(select(root, include, exclude).files)


def left_out(root, include=(), exclude=()) -> dict[str, str]:
    return {out.name: out.why for out in select(root, include, exclude).left_out}


# -------------------------------------------------------------------- what counts


def test_without_git_everything_counts_but_dot_folders_environments_and_secrets(project):
    write(project, "venv3/lib/x.py")
    write(project, "venv3/pyvenv.cfg")
    assert names(project) == ["a.py", "data/x.csv", "out/big"]


def test_large_files_do_not_count_without_git_and_it_is_said(project, monkeypatch):
    monkeypatch.setattr(selection, "LARGEST", 5)
    assert names(project) == ["a.py"]
    assert "larger than" in left_out(project)["data/x.csv"]


def test_a_folder_that_is_no_project_is_not_walked_to_its_end(project, monkeypatch):
    monkeypatch.setattr(selection, "MOST", 2)
    with pytest.raises(SetupError, match="is it really a project"):
        select(project)
    assert code_files([project])


def test_with_git_tracked_and_unignored_files_count(repository):
    git(repository, "add", "a.py")
    assert names(repository) == [".git-not/x", ".gitignore", "a.py", "data/x.csv"]


def test_what_git_ignores_is_said_by_its_outermost_folder(repository):
    found = left_out(repository)
    assert (found["out/"], found["a.log"]) == (selection.IGNORED, selection.IGNORED)
    assert not any(name.startswith((".yamlflow", "__pycache__", ".git/")) for name in found)


def test_a_tracked_secret_is_left_out_and_it_is_said(repository):
    for name in ("ID_RSA", "deep/.env.local", ".ssh/config"):
        write(repository, name)
    git(repository, "add", "-f", ".env", "key.pem", "ID_RSA", "deep/.env.local", ".ssh/config")
    found = left_out(repository)
    secrets = [".env", ".ssh/", "ID_RSA", "deep/.env.local", "key.pem"]
    assert [name for name in sorted(found) if found[name] == SECRET] == secrets


def test_a_module_is_no_secret_whatever_it_is_called(repository):
    write(repository, "id_rsa_tools.py")
    assert "id_rsa_tools.py" in names(repository)


def test_a_tracked_file_that_is_gone_is_no_part(repository):
    git(repository, "add", "a.py")
    (repository / "a.py").unlink()
    assert "a.py" not in names(repository)


def test_a_package_called_env_is_code(repository):
    write(repository, "src/env/__init__.py")
    assert "src/env/__init__.py" in names(repository)


def test_an_environment_is_left_out_whatever_it_is_called(repository):
    write(repository, "tools/pyvenv.cfg")
    write(repository, "tools/lib/x.py")
    assert not any(name.startswith("tools/") for name in names(repository, include=["tools"]))
    assert left_out(repository)["tools/"] == "an environment"


def test_a_state_folder_of_another_name_is_left_out(project):
    write(project, "runs/state.db")
    write(project, "runs/store/objects/ab/cd")
    assert not any(name.startswith("runs/") for name in names(project))


def test_repositories_inside_are_asked_for_their_own(repository):
    write(repository, "lib/b.py")
    write(repository, "lib/b.tmp")
    write(repository, "lib/.gitignore", "*.tmp\n")
    git(repository / "lib", "init", "-q")
    assert [name for name in names(repository) if name.startswith("lib/")] == ["lib/.gitignore", "lib/b.py"]


def test_a_folder_inside_a_repository_has_names_of_its_own(repository):
    assert names(repository / "data") == ["x.csv"]


def test_a_hook_of_git_does_not_point_elsewhere(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))
    assert "a.py" in names(repository)


def test_a_repository_whose_git_does_not_answer_is_an_error(repository, monkeypatch):
    (repository / ".git/HEAD").write_text("nonsense")
    with pytest.raises(SetupError, match="git does not say"):
        select(repository)
    assert "a.py" in code_files([repository])


def test_a_repository_on_a_machine_without_git_is_an_error(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="git cannot be started"):
        select(repository)


def test_a_name_that_cannot_travel_is_left_out(project):
    write(project, os.fsdecode(b"\xff.py"), "")
    write(project, "back\\slash.py")
    write(project, "line\nend.py")
    assert names(project) == ["a.py", "data/x.csv", "out/big"]
    assert {"back\\slash.py", "line\nend.py"} <= set(left_out(project))


def test_a_socket_or_a_pipe_is_left_out(project):
    os.mkfifo(project / "pipe")
    assert "pipe" not in names(project)
    assert left_out(project)["pipe"] == "neither a file nor a folder"


# -------------------------------------------------------------------- patterns


def test_include_adds_what_git_ignores_but_no_secret(repository):
    write(repository, "out/.env")
    assert {"out/big", "a.log"} <= set(names(repository, include=["out", "*.log"]))
    assert not {"out/.env", ".yamlflow/state.db"} & set(names(repository, include=["*"]))


def test_include_adds_what_does_not_count_without_git(project):
    write(project, ".config/x")
    assert ".config/x" in names(project, include=[".config"])


def test_exclude_goes_before_include_and_is_said_once_for_a_folder(repository):
    assert "data/x.csv" not in names(repository, include=["data"], exclude=["data"])
    assert left_out(repository, exclude=["data"])["data/"] == "excluded by `data`"


# -------------------------------------------------------------------- links


def test_a_link_is_a_copy_of_what_it_leads_to_in_the_package(repository):
    (repository / "b.py").symlink_to("a.py")
    (repository / "more").symlink_to("data")
    found = select(repository).files
    assert (found["b.py"], found["more/x.csv"]) == (repository / "a.py", repository / "data/x.csv")


@pytest.mark.parametrize("target", [".env", "out/big", "../outside", "nowhere", "/etc/passwd", "loop"])
def test_a_link_to_anything_else_is_left_out(repository, tmp_path, target):
    (tmp_path / "outside").write_text("x")
    (repository / "loop").symlink_to(target)
    assert "loop" not in names(repository)
    assert left_out(repository)["loop"] == OUTSIDE


def test_a_link_to_the_folder_around_it_ends(repository):
    (repository / "data/up").symlink_to("..")
    assert "data/up/a.py" in names(repository)
    assert not any("up/data/up" in name for name in names(repository))


def test_what_is_excluded_does_not_come_back_through_a_link(repository):
    (repository / "more").symlink_to("data")
    assert "more/x.csv" not in names(repository, exclude=["more/*.csv"])


# -------------------------------------------------------------------- commands


def test_commands_depend_on_the_package_and_on_where_links_lead(repository, tmp_path):
    (tmp_path / "outside").write_text("x")
    (repository / "far").symlink_to("../outside")
    found = code_files([repository], exclude=["data"])
    assert list(found) == [".git-not/x", ".gitignore", "a.py", "far"]


def test_roots_inside_roots_add_nothing(project):
    assert code_files([project, project / "data"]) == code_files([project])


# -------------------------------------------------------------------- absence


def test_a_file_that_is_not_in_the_package_has_a_reason_and_a_remedy(repository):
    chosen = select(repository, exclude=["data"])
    assert chosen.absence(repository / "a.py") is None
    assert chosen.absence(repository / "out/big") == (selection.IGNORED, "name it: `code: {include: [/out/big]}`")
    assert "exclude" in chosen.absence(repository / "data/x.csv")[1]
    assert chosen.absence(repository / "nowhere.py")[0]
