"""A launcher that is killed at any moment leaves a run that `resume` finishes, and no success is made twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from yamlflow.engine.runs import history
from yamlflow.engine.runs.folder import StateFolder

ROOT = Path(__file__).parents[2]

LAUNCHER = """
import sys
from pathlib import Path
from tests.engine.bench import *
from yamlflow.engine.runs.opening import *
from yamlflow.store.locks import is_held

folder = StateFolder(Path(sys.argv[1]))
plan = graph(
    step("src"),
    step("g", "src", children=("g.a", "g.b"), loop=over({"x": "steps.src"}), outputs={"v": "steps.b"}),
    step("a", parent="g", depth=1, inputs={"x": "each.x"}),
    step("b", "g.a", parent="g", depth=1, inputs={"y": "steps.a"}),
    step("end", "g", inputs={"v": "steps.g.v"}),
    outputs={"total": "steps.end"},
)
answers = {"src": list(range(60)), "g.a": lambda job: job.inputs["x"] * 2, "g.b": lambda job: job.inputs["y"] + 1,
           "end": lambda job: sum(job.inputs["v"]["$join"]["items"])}
bench = Bench(folder)
state = folder.make()
runs = state.runs()
state.close()
started = [record for record in runs if record.body.get("outline")]
if started:
    result = bench.resume(plan, started[0].id, answers)
else:
    result = bench.run(plan, answers)
print(result.state, result.outputs["total"], flush=True)
"""


def test_a_launcher_killed_again_and_again_finishes_without_redoing_anything(tmp_path):
    chance = random.Random(7)
    place = tmp_path / ".yamlflow"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = 0
    for _ in range(200):
        with subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(place)], env=environ, stdout=subprocess.PIPE, text=True
        ) as launcher:
            wait_for_work(place, launcher)
            time.sleep(chance.random() * 0.03 if killed < 6 else 0)
            if killed < 6:
                launcher.send_signal(signal.SIGKILL)
            said = launcher.stdout.read()
        if launcher.returncode == 0:
            break
        killed += launcher.returncode == -9
        assert launcher.returncode in (0, -9)
    assert said == f"succeeded {sum(number * 2 + 1 for number in range(60))}\n"
    assert killed >= 3
    folder = StateFolder(place)
    with folder.look() as state:
        record = state.find_run()
        made = Counter(
            (attempt.task, attempt.outcome.state)
            for attempt in history.attempts_of(folder, state, record)
            if attempt.outcome is not None
        )
    assert set(made.values()) == {1}
    assert len(made) == 1 + 60 * 2 + 1


def wait_for_work(place, launcher):
    """Until this launch has recorded something of its own, or is over."""
    before = None
    while launcher.poll() is None:
        try:
            size = (place / "state.db-wal").stat().st_size
        except FileNotFoundError:
            size = 0
        if before is not None and size != before:
            return
        before = size if before is None else before
        time.sleep(0.002)
