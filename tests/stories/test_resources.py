"""Resources: slots of one machine, handed out and never twice; too much is refused before the run."""

from __future__ import annotations

import os

TASKS = """
    import os

    def hold(x):
        with busy():
            note("gpu", os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        return os.environ.get("CUDA_VISIBLE_DEVICES")
    def pair(x):
        with busy():
            meet("the first two", 2)
"""


def test_cpu_is_a_slot(project):
    cores = os.cpu_count() or 1
    story = project(
        f"""
        steps:
          hold: {{foreach: {{x: range(6)}}, run: "tasks:hold", inputs: {{x: each.x}}, resources: {{cpu: {cores}}}}}
        """,
        TASKS,
    )
    story.run()
    assert story.at_once() == 1


def test_half_a_core_lets_twice_as_many_run(project):
    cores = os.cpu_count() or 1
    story = project(
        f"""
        steps:
          hold: {{foreach: {{x: range({2 * cores})}}, run: "tasks:meeting", inputs: {{x: each.x, n: {2 * cores}}}, resources: {{cpu: 0.5}}}}
        """,
        "def meeting(x, n):\n        meet('here', n)",
    )
    story.run()


MEMORY = """
    executors: {local: {type: local, cpu: 4, memory: 1Gi}}
    steps:
      hold: {foreach: {x: range(4)}, run: "tasks:ACTION", inputs: {x: each.x}, resources: {cpu: 0.5, memory: REQUEST}}
"""


def test_memory_is_a_slot_that_holds_the_second_task_back(project):
    story = project(MEMORY.replace("ACTION", "hold").replace("REQUEST", "600Mi"), TASKS)
    story.run()
    assert story.at_once() == 1
    assert story.ledger.count("in x") == 4


def test_half_the_memory_lets_two_run_at_once_and_no_more(project):
    story = project(MEMORY.replace("ACTION", "pair").replace("REQUEST", "500Mi"), TASKS)
    story.run()
    assert story.at_once() == 2


def test_more_than_the_machine_has_is_refused_before_the_run_and_names_the_flag(project):
    story = project(
        'steps: {hold: {run: "tasks:hold", with: {x: 1}, resources: {cpu: 1000}}, other: {run: "tasks:hold", with: {x: 2}}}',
        TASKS,
    )
    said = story.refused(code=78)
    assert "hold" in said
    assert "1000 cores" in said
    assert "--clamp" in said


def test_more_memory_than_the_machine_has_is_refused_too(project):
    said = project('steps: {hold: {run: "tasks:hold", with: {x: 1}, resources: {memory: 100Ti}}}', TASKS).refused(
        code=78
    )
    assert "memory" in said


def test_a_gpu_that_is_not_there_is_refused(project):
    said = project(
        'executors: {local: {type: local, gpus: []}}\nsteps: {hold: {run: "tasks:hold", with: {x: 1}, resources: {gpu: 1}}}',
        TASKS,
    ).refused(code=78)
    assert "gpu" in said.lower()


def test_gpus_named_in_the_file_are_handed_out_as_devices_and_never_twice(project):
    story = project(
        """
        executors: {local: {type: local, gpus: 2}}
        steps:
          hold: {foreach: {x: range(6)}, run: "tasks:hold", inputs: {x: each.x}, resources: {cpu: 0.1, gpu: 1}}
          pair: {needs: [hold], run: "tasks:hold", with: {x: 9}, resources: {gpu: 2}}
          none: {needs: [pair], run: "tasks:hold", with: {x: 9}}
        outputs: {hold: steps.hold, pair: steps.pair}
        """,
        TASKS,
    )
    ran = story.run()
    assert set(ran.outputs["hold"]) == {"0", "1"}
    assert sorted(ran.outputs["pair"].split(",")) == ["0", "1"]
    assert story.at_once() <= 2


def test_a_gpu_has_a_type_and_memory_that_requests_are_matched_with(project):
    text = """
        executors: {local: {type: local, gpus: [{type: a100, memory: 40Gi}, {type: h100, memory: 80Gi}]}}
        steps: {hold: {run: "tasks:hold", with: {x: 1}, resources: {gpu: REQUEST}}}
        outputs: {device: steps.hold}
    """
    assert project(text.replace("REQUEST", '"h100:1"'), TASKS).run().outputs == {"device": "1"}
    assert project(text.replace("REQUEST", "{count: 1, memory: 60Gi}"), TASKS).run().outputs == {"device": "1"}
    story = project(text.replace("REQUEST", '"h100:2"'), TASKS)
    (story.folder / "ledger.txt").unlink()
    assert "GPUs" in story.refused(code=78)
