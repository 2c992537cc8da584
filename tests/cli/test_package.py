"""`yamlflow package`: what travels, what does not, and why."""

from __future__ import annotations

import json
import subprocess

import pytest

PIPELINE = 'yamlflow: 1\nsteps: {{a: {{run: "tasks:f"}}}}\n{top}\n'


@pytest.fixture
def package(tmp_path, yamlflow):
    """Runs `yamlflow package --json` on a file with this at its top, in a repository."""
    write(tmp_path, "flow/tasks.py", "def f(): pass\n")
    write(tmp_path, "flow/model.bin", "x" * 2000)
    write(tmp_path, "flow/notes/a.ipynb", "{}")
    write(tmp_path, ".gitignore", "*.bin\n")
    write(tmp_path, ".env", "TOKEN=1")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    def package(top: str = "", *more: str):
        write(tmp_path, "flow/pipeline.yaml", PIPELINE.format(top=top))
        return yamlflow("package", *more, cwd=tmp_path / "flow")

    return package


def write(root, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def document(done) -> dict[str, object]:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def names(done) -> list[str]:
    return [file["name"] for file in document(done)["files"]]


def test_the_list_has_every_file_its_size_and_what_is_left_out(package):
    done = package("", "--list")
    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line]
    rows = {line[0]: line[1] for line in lines}
    assert rows["flow/tasks.py"] == "14 B"
    assert (rows["flow/model.bin"], rows[".env"]) == ("ignored by git", "it looks like a key or a secret")
    assert "4 files, " in done.stdout
    assert len(rows["sha256"]) == 64


def test_without_the_list_it_is_two_lines(package):
    assert len(package().stdout.splitlines()) == 2


def test_the_document_says_the_same(package):
    found = document(package("", "--json"))
    assert [file["name"] for file in found["files"]] == sorted(file["name"] for file in found["files"])
    assert found["size"] == sum(file["size"] for file in found["files"])
    assert {"name": ".env", "why": "it looks like a key or a secret"} in found["left_out"]
    assert document(package("", "--json", "--list"))["digest"] == found["digest"]


def test_the_root_of_the_package_is_the_project_unless_the_file_says_another(package):
    assert "flow/tasks.py" in names(package("", "--json"))
    assert names(package("code: {root: .}", "--json")) == ["notes/a.ipynb", "pipeline.yaml", "tasks.py"]


def test_patterns_add_what_git_ignores_and_take_out_what_it_knows(package):
    found = names(package("code: {root: ., include: ['*.bin'], exclude: notes/}", "--json"))
    assert found == ["model.bin", "pipeline.yaml", "tasks.py"]


def test_a_file_with_an_error_is_answered_as_everywhere(package):
    done = package("code: {exclude: ['!a']}", "--list")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[bad-value]: a pattern is not negated" in done.stderr


def test_a_module_that_is_missing_elsewhere_does_not_hide_the_list(package):
    top = "defaults: {executor: far}\nexecutors: {far: {type: docker, image: x}}\ncode: {exclude: [tasks.py]}"
    assert "flow/tasks.py" not in names(package(top, "--json"))


def test_a_git_that_does_not_answer_is_said_with_what_to_do(package, tmp_path):
    write(tmp_path, ".git/HEAD", "nonsense")
    done = package("", "--list")
    assert done.returncode == 78
    assert "git does not say which files" in done.stderr and "help: find out with: git -C" in done.stderr


def test_a_plan_says_what_is_left_out_where_tasks_leave_this_machine(package, yamlflow, tmp_path):
    package("defaults: {executor: far}\nexecutors: {far: {type: docker, image: x}}")
    said = yamlflow("plan", cwd=tmp_path / "flow")
    assert f"code package: 4 files of {tmp_path}; left out: .env, flow/model.bin" in said.stdout
    found = document(yamlflow("plan", "--json", cwd=tmp_path / "flow"))["code"]
    assert (found["files"], len(found["left_out"])) == (4, 2)
    package()
    assert "code package" not in yamlflow("plan", cwd=tmp_path / "flow").stdout


def test_names_of_files_do_not_reach_the_terminal_as_they_are(package, tmp_path):
    write(tmp_path, "flow/\x1b[31mred", "")
    done = package("", "--list")
    assert done.returncode == 0 and "\x1b" not in done.stdout
