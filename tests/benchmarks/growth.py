"""A foreach of COUNT items through the real engine on the fake executor; prints its wall seconds.

Usage: growth.py COUNT FOLDER
"""

import sys
import time
from pathlib import Path

from yamlflow.core.jobs import Outcome
from yamlflow.core.messages import ExecutorTraits, Machine
from yamlflow.engine.run import execute
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.opening import Run, RunOptions, open_run
from yamlflow.executors.fake import FakeExecutor, FakeOptions
from yamlflow.schema.loader import Given, load_text

PIPELINE = """yamlflow: 1
steps:
  fan:
    run: "plain.py:nothing"
    foreach: {{n: "range({count})"}}
    inputs: {{n: each.n}}
    max_items: {count}
"""


def open_loop(count: int, folder: Path) -> Run:
    """A run of `count` items that has not begun."""
    (folder / "plain.py").write_text((Path(__file__).parent / "plain.py").read_text())
    file = str(folder / "pipeline.yaml")
    loaded = load_text(PIPELINE.format(count=count), path=file, given=Given())
    assert loaded.graph is not None, loaded.diagnostics
    return open_run(loaded.graph, StateFolder(folder / ".yamlflow"), RunOptions(), file=file)


def main(count: int, folder: Path) -> None:
    run = open_loop(count, folder)
    executor = FakeExecutor(FakeOptions(answer=lambda _job: Outcome("succeeded", 1)), remember=False)
    start = time.perf_counter()
    result = execute(run, {"local": (executor, ExecutorTraits(machine=True))}, Machine(64.0, 1 << 40))
    print(time.perf_counter() - start)
    run.close()
    assert result.state == "succeeded"


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
