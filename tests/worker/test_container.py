"""The first process of a container, in a process of this machine: jobs in, words out, each a file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Job, outcome_from_json
from yamlflow.core.values import encode
from yamlflow.worker.container import batch as words
from yamlflow.worker.container.batch import Batch, Orders

ROOT = Path(__file__).parents[2]
START = "import sys; from yamlflow.worker.container.supervisor import main; main(sys.argv[1])"
TASKS = """\
import os, time
from pathlib import Path

def double(n):
    print("doubles", n)
    return n * 2

def fail(n):
    if n == 1:
        raise ValueError("one is bad")
    return n

def wait(n, go):
    print("begins", flush=True)
    while not Path(go).exists():
        time.sleep(0.01)
    return n

def tell(n):
    return os.environ["TOKEN"] == "hunter22" and print("it is hunter22") is None

def sleep(n):
    time.sleep(60)
"""


class Ship:
    """A folder as a launcher makes it, and the supervisor that works in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = str(root / "batch")
        for name in ("batch", "code", "logs", "scratch", "store"):
            (root / name).mkdir()
        (root / "code/tasks.py").write_text(TASKS)
        self.process: subprocess.Popen[bytes] | None = None

    def jobs(self, function, numbers, **fields):
        common = {"run_id": "run", "attempt": 1, "store": str(self.root / "store"), **fields}
        inputs = common.pop("inputs", {})
        return [
            Job(
                attempt_id=f"t{number}",
                task=TaskId("step", (number,)),
                display=f"step[{number}]",
                target={"kind": "python", "callable": f"tasks:{function}"},
                inputs={"n": encode(number), **{name: encode(value) for name, value in inputs.items()}},
                code_roots=(str(self.root / "code"),),
                log=str(self.root / f"logs/t{number}.log"),
                scratch=str(self.root / f"scratch/t{number}"),
                **common,
            )
            for number in numbers
        ]

    def sail(self, jobs, *, patience=None, secrets=None):
        words.write_batch(self.folder, Batch(jobs, 1.0, patience))
        if secrets:
            words.put(self.folder, words.SECRETS, secrets)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([sys.executable, "-c", START, self.folder], env=environment)
        return self

    def until(self, holds):
        deadline = time.monotonic() + 60
        while not (found := holds()):
            assert time.monotonic() < deadline, sorted(Path(self.folder).iterdir())
            time.sleep(0.01)
        return found

    def land(self):
        """All outcomes by number, and the names of those given back, when the process has ended."""
        assert self.process is not None
        assert self.process.wait(60) == 0
        names = (path.name for path in Path(self.folder).iterdir())
        found = [index for name in names if (index := words.index_of(name)) is not None]
        outcomes = {index: outcome_from_json(words.read(self.folder, words.outcome_name(index))) for index in found}
        back = words.read(self.folder, words.BACK) if (Path(self.folder) / words.BACK).exists() else []
        return outcomes, back

    def begun(self, number):
        log = self.root / f"logs/t{number}.log"
        return log.exists() and "begins" in log.read_text()


@pytest.fixture
def ship(nothing_left, tmp_path):
    made = Ship(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def test_every_job_of_a_batch_has_its_own_outcome_and_log(ship):
    outcomes, back = ship.sail(ship.jobs("double", range(3))).land()
    assert [outcomes[index].value for index in range(3)] == [0, 2, 4]
    assert [(ship.root / f"logs/t{number}.log").read_text() for number in range(3)] == [
        "doubles 0\n",
        "doubles 1\n",
        "doubles 2\n",
    ]
    assert back == []


def test_behind_one_that_failed_nothing_begins(ship):
    outcomes, back = ship.sail(ship.jobs("fail", range(4))).land()
    assert sorted(outcomes) == [0, 1]
    assert outcomes[1].failure.message == "one is bad"
    assert back == ["t2", "t3"]


def test_behind_a_long_one_nothing_waits(ship):
    go = ship.root / "go"
    ship.sail(ship.jobs("wait", range(3), inputs={"go": str(go)}), patience=0.2)
    ship.until((Path(ship.folder) / words.BACK).exists)
    go.touch()
    outcomes, back = ship.land()
    assert (outcomes[0].value, back) == (0, ["t1", "t2"])


def test_what_is_to_be_stopped_is_and_what_is_not_to_begin_is_given_back(ship):
    ship.sail(ship.jobs("wait", range(3), inputs={"go": str(ship.root / "never")}))
    ship.until(lambda: ship.begun(0))
    words.write_orders(ship.folder, Orders(stop={"t0", "t1"}, release={"t2"}))
    outcomes, back = ship.land()
    assert [outcomes[index].failure.reason for index in (0, 1)] == ["cancelled", "cancelled"]
    assert back == ["t2"]


def test_a_container_that_is_stopped_ends_its_task_and_gives_back_the_rest(ship):
    ship.sail(ship.jobs("wait", range(2), inputs={"go": str(ship.root / "never")}))
    ship.until(lambda: ship.begun(0))
    ship.process.terminate()
    outcomes, back = ship.land()
    assert (outcomes[0].failure.reason, back) == ("cancelled", ["t1"])


def test_a_task_that_takes_too_long_is_stopped(ship):
    outcomes, _ = ship.sail(ship.jobs("sleep", range(1), timeout=0.3)).land()
    assert outcomes[0].failure.reason == "timeout"


def test_secrets_are_read_once_and_masked(ship):
    jobs = ship.jobs("tell", range(1), secrets={"TOKEN": "env:ELSEWHERE"})
    outcomes, _ = ship.sail(jobs, secrets={"TOKEN": "hunter22"}).land()
    assert outcomes[0].value is True
    assert not (Path(ship.folder) / words.SECRETS).exists()
    assert (ship.root / "logs/t0.log").read_text() == "it is ***\n"


def test_a_module_that_cannot_be_imported_fails_the_first_and_gives_back_the_others(ship):
    (ship.root / "code/tasks.py").write_text("raise RuntimeError('at import')")
    outcomes, back = ship.sail(ship.jobs("double", range(2))).land()
    assert (outcomes[0].failure.message, back) == ("at import", ["t1"])


def test_a_module_that_ends_the_interpreter_is_said(ship):
    (ship.root / "code/tasks.py").write_text("import os; os._exit(3)")
    outcomes, _ = ship.sail(ship.jobs("double", range(1))).land()
    assert "importing the step's module" in outcomes[0].failure.message
    assert outcomes[0].failure.exit_code == 3


def test_a_word_is_whole_or_not_there(tmp_path):
    words.put(str(tmp_path), "a.json", {"x": 1})
    words.put(str(tmp_path), "a.json", {"x": 2})
    assert words.read(str(tmp_path), "a.json") == {"x": 2}
    assert words.index_of(words.outcome_name(12)) == 12
    assert words.index_of(words.progress_name(12)) is None
