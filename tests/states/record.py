"""Records a state folder: `python -m tests.states.record NAME` makes tests/states/NAME.

A run with a loop, a group, rounds, an elementwise and cached step, a caught and
a failed task, a large value and a hook; `run.json` is what `runs show` said of it then. Every issue adds one; what
was recorded once must open for ever.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PIPELINE = """\
yamlflow: 1
name: recorded
params: {n: 3}
steps:
  numbers: {run: "tasks.py:numbers", inputs: {n: params.n}}
  square: {run: "tasks.py:square", foreach: {x: steps.numbers}, inputs: {x: each.x}}
  text: {run: "tasks.py:text", inputs: {squares: steps.square}}
  halves: {foreach: {x: steps.square}, run: "tasks.py:half", inputs: {x: each.x}, cache: true}
  large: {run: "tasks.py:large"}
  rounds:
    repeat: {start: {n: params.n}, until: steps.turn > 5, max: 9}
    steps:
      turn: {run: "tasks.py:turn", inputs: {n: each.n}}
    outputs: {n: steps.turn}
  by_sign:
    foreach: {sign: [plus, minus]}
    steps:
      apply: {run: "tasks.py:apply", inputs: {sign: each.sign, squares: steps.square}}
    outputs: {total: steps.apply}
  caught: {run: "tasks.py:broken", catch: {set: 7}}
  late: {run: "tasks.py:fixed", inputs: {total: steps.by_sign.total, file: steps.text}}
outputs: {totals: steps.by_sign.total, late: steps.late}
on_failure:
  page: {run: "tasks.py:page", inputs: {error: run.error}}
"""
TASKS = """\
from pathlib import Path

import yamlflow


def numbers(n: int) -> list[int]:
    return list(range(n))


def square(x: int) -> int:
    print(f"squaring {x}")
    return x * x


def text(squares: list[int], ctx: yamlflow.Context) -> Path:
    path = Path(ctx.tmp) / "squares.txt"
    path.write_text(" ".join(map(str, squares)))
    return path


def half(x: int) -> float:
    return x / 2


def large() -> str:
    return "large " * 2000


def turn(n: int) -> int:
    return n + 1


def apply(sign: str, squares: list[int]) -> int:
    return sum(squares) * (1 if sign == "plus" else -1)


def broken() -> int:
    raise ValueError("always")


def fixed(total: list[int], file: Path) -> str:
    if not Path(__file__).with_name("mended").exists():
        raise RuntimeError("not mended yet")
    return f"{total} {file.read_text()}"


def page(error: dict) -> None:
    print(error["message"])
"""


def main(name: str) -> None:
    target = HERE / name
    work = Path(tempfile.gettempdir()) / "yamlflow-recorded"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "pipeline.yaml").write_text(PIPELINE)
    (work / "tasks.py").write_text(TASKS)
    assert call(work, "run", "-q", "--keep-going").returncode == 1
    shown = call(work, "runs", "show", "last", "--json")
    target.mkdir()
    (target / "run.json").write_text(json.dumps(json.loads(shown.stdout), indent=1) + "\n")
    for name_of in ("pipeline.yaml", "tasks.py"):
        shutil.copy(work / name_of, target)
    shutil.copytree(work / ".yamlflow", target / "state", ignore=shutil.ignore_patterns(".gitignore", "lock", "locks"))
    shutil.rmtree(work)


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yamlflow", *words, "--state-dir", ".yamlflow"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main(sys.argv[1])
