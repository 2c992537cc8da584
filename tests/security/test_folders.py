"""Who may read what a run leaves behind, and where names of tasks and items may lead: nowhere."""

from __future__ import annotations

import os
import stat

import pytest

HOSTILE = [
    "../../outside",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "-rf",
    "con",
    "x\x1b[31m",
    "naïve",
    "a" * 300,
    "$(touch hit)",
    "\u202egnp.exe",
]

TASKS = """
    import yamlflow, os

    def make(name: str, ctx: yamlflow.Context) -> Path:
        print("item", len(name))
        path = Path(ctx.tmp) / "value.txt"
        path.write_text(name, errors="replace")
        return path

    def count(files: list[Path]) -> int:
        return len(files)
"""


def modes(folder) -> dict[str, int]:
    found = [path for path in folder.rglob("*") if not path.is_symlink()]  # a command's folder links to the project
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in found}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_or_enter_the_state_folder(project, mask):
    story = project(
        'steps: {make: {foreach: {n: [a, b]}, run: "tasks:make", with: {name: x}}, sh: {sh: "echo hi; exit 3"}}', TASKS
    )
    before = os.umask(mask)
    try:
        story.call("run", "--keep-going")
    finally:
        os.umask(before)
    state = story.folder / ".yamlflow"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    inside = modes(state)
    assert {name for name, mode in inside.items() if (state / name).is_dir() and mode & 0o077} == set()
    assert {name for name, mode in inside.items() if name.startswith(("runs", "state")) and mode & 0o077} == set()


def test_keys_of_items_never_become_paths(project):
    items = ", ".join(f'"{each}"' for each in ["../../outside", "/etc/passwd", "a/b", "..", "-rf", "$(touch hit)"])
    story = project(
        f"""
        params: {{names: {{type: "list[str]", default: [{items}]}}}}
        steps:
          make: {{foreach: {{name: params.names}}, run: "tasks:make", inputs: {{name: each.name}}}}
          sh: {{foreach: {{name: params.names}}, sh: 'echo "$name"', inputs: {{name: each.name}}}}
          count: {{run: "tasks:count", inputs: {{files: steps.make}}}}
        outputs: {{n: steps.count}}
        """,
        TASKS,
    )
    around = set(story.folder.parent.iterdir())
    assert story.run().outputs == {"n": 6}
    assert set(story.folder.parent.iterdir()) == around
    assert {path.name for path in story.folder.iterdir()} <= {
        "pipeline.yaml",
        "tasks.py",
        "ledger.py",
        "yamlflow.toml",
        ".yamlflow",
        "__pycache__",
    }
    logs = [path.name for path in (story.folder / ".yamlflow").rglob("*.log")]
    assert all(name.replace("-", "").replace(".", "").isalnum() and name.isascii() for name in logs)


def test_an_item_with_any_name_runs(project, tmp_path):
    import json

    (tmp_path / "names.json").write_text(json.dumps(HOSTILE))
    story = project(
        """
        steps:
          names: {run: "tasks:names"}
          make: {foreach: {name: steps.names}, run: "tasks:make", inputs: {name: each.name}}
          count: {run: "tasks:count", inputs: {files: steps.make}}
        outputs: {n: steps.count}
        """,
        TASKS + "\n    def names():\n        import json\n        return json.loads(Path('names.json').read_text())\n",
    )
    ran = story.run("--progress", "plain")
    assert ran.outputs == {"n": len(HOSTILE)}
    assert "\x1b" not in ran.err and "\u202e" not in ran.err


def test_a_state_folder_that_is_a_link_is_followed_only_to_what_is_ours(project, tmp_path):
    story = project('steps: {sh: {sh: "echo hi"}}')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, 65534, 65534)
    (story.folder / ".yamlflow").symlink_to(elsewhere)
    ran = story.call("run")
    assert ran.code == 77, ran.err
    assert "nobody" in ran.err or "65534" in ran.err
    assert list(elsewhere.iterdir()) == []
