"""Runs whose steps are in containers of a real engine, seen as a user sees them."""

from __future__ import annotations

import os
import signal
import time

import pytest

pytestmark = [pytest.mark.needs("docker"), pytest.mark.slow]


def test_a_value_made_in_a_container_reaches_a_step_on_this_machine(dock):
    dock.load(
        """
        steps:
          made: {run: "tasks:made", executor: box}
          read: {run: "tasks:read", inputs: {made: steps.made}}
        """,
        """
        def made():
            return {"where": platform.node(), "big": list(range(5000))}
        def read(made):
            return {"same": made["where"] == platform.node(), "sum": sum(made["big"])}
        """,
    )
    assert dock.run().outputs == {"read": {"same": False, "sum": 12497500}}
    assert dock.strangers() == []


def test_two_pythons_read_each_others_values(dock):
    dock.load(
        """
        steps:
          one: {run: "tasks:one", executor: box}
          two: {run: "tasks:two", executor: box, image: "yamlflow-test:other", inputs: {one: steps.one}}
          three: {run: "tasks:three", inputs: {one: steps.one, two: steps.two}}
        """,
        """
        def one():
            return {(1, 2): {3.5}, "python": platform.python_version_tuple()[:2]}
        def two(one):
            return one | {"python": platform.python_version_tuple()[:2]}
        def three(one, two):
            return [one[1, 2] == two[1, 2], one["python"] != two["python"]]
        """,
    )
    assert dock.run().outputs == {"three": [True, True]}


def test_small_items_share_containers_and_each_has_its_own_result(dock):
    dock.load(
        """
        steps:
          each: {foreach: range(100), run: "tasks:each", inputs: {n: each.item}, executor: box}
          all: {run: "builtins:sorted", inputs: {iterable: steps.each.n}}
          where: {run: "tasks:count", inputs: {nodes: steps.each.node}}
        """,
        """
        def each(n):
            return {"n": n, "node": platform.node()}
        def count(nodes):
            return len(set(nodes))
        """,
    )
    outputs = dock.run().outputs
    assert outputs["all"] == list(range(100))
    assert outputs["where"] < 50


def test_as_many_items_share_a_container_as_the_file_says(dock):
    dock.load(
        """
        steps:
          each: {foreach: range(8), run: "tasks:each", inputs: {n: each.item}, executor: box, items_per_task: 4}
          where: {run: "tasks:count", inputs: {nodes: steps.each}}
        """,
        """
        def each(n):
            return platform.node()
        def count(nodes):
            return sorted(nodes.count(node) for node in set(nodes))
        """,
    )
    assert dock.run().outputs == {"where": [4, 4]}


def test_an_item_that_fails_is_tried_again_alone(dock):
    dock.load(
        """
        steps:
          each:
            foreach: range(6)
            run: tasks:each
            inputs: {n: each.item}
            with: {desk: DESK}
            executor: box
            items_per_task: 6
            retry: {attempts: 2, delay: 0s}
        """,
        """
        def each(n, desk):
            note(desk, "item", n)
            if n == 2 and not Path(f"{desk}/tried").exists():
                Path(f"{desk}/tried").touch()
                raise ValueError("once")
            return n
        """,
    )
    assert dock.run().outputs == {"each": list(range(6))}
    assert sorted(dock.notes) == sorted([*(f"item {n}" for n in range(6)), "item 2"])


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("yamlflow-test:bare", "the image yamlflow-test:bare has no Python"),
        ("yamlflow-test:nowhere@sha256:12", "is no image's name"),
    ],
)
def test_an_image_that_cannot_run_a_step_is_said_at_once(dock, image, words):
    dock.load('steps: {one: {run: "tasks:one", executor: box}}', "def one(): return 1", image=image)
    ran = dock.run(code=1)
    assert (ran.failures[0]["reason"], words in ran.failures[0]["message"]) == ("start_failed", True), ran.failures


def test_more_memory_than_was_granted_is_oom_and_the_next_attempt_may_have_more(dock):
    dock.load(
        """
        steps:
          eat:
            run: tasks:eat
            executor: box
            resources: {memory: 64Mi}
            retry: {attempts: 2, delay: 0s, on: [oom], grow: {memory: 8x}}
        """,
        "def eat(): return len(bytearray(200_000_000))",
    )
    assert dock.run().outputs == {"eat": 200_000_000}


def test_a_launcher_that_was_killed_finds_its_containers_again(dock):
    dock.load(
        """
        steps:
          each: {foreach: range(2), run: "tasks:each", inputs: {n: each.item}, with: {desk: DESK}, executor: box}
          all: {run: "builtins:sum", inputs: {iterable: steps.each}}
        """,
        """
        def each(n, desk):
            note(desk, "begins", n)
            print("begins", n, flush=True)
            wait_for(f"{desk}/go")
            note(desk, "ends", n)
            return n
        """,
    )
    process = dock.start()
    until(lambda: len(dock.notes) == 2)
    process.kill()
    process.communicate()
    (dock.desk / "go").touch()
    until(lambda: len(dock.notes) == 4)
    ran = dock.call("resume", "--json")
    assert (ran.code, ran.outputs) == (0, {"all": 1}), ran.err
    assert sorted(dock.notes) == ["begins 0", "begins 1", "ends 0", "ends 1"]
    assert dock.call("logs").out.count("begins 0") == 1


def test_what_a_killed_launcher_left_and_nobody_wants_any_more_is_ended(dock):
    pipeline = """
        steps:
          one: {run: "tasks:one", with: {desk: DESK, n: 1}, executor: box}
    """
    dock.load(pipeline, 'def one(desk, n):\n    note(desk, "n", n)\n    wait_for(f"{desk}/go{n}")\n    return n\n')
    process = dock.start()
    until(lambda: dock.notes == ["n 1"])
    process.kill()
    process.communicate()
    (dock.desk / "go2").touch()
    text = (dock.folder / "pipeline.yaml").read_text()
    dock.write("pipeline.yaml", text.replace("n: 1}", "n: 2}"))
    ran = dock.call("resume", "--json")
    assert (ran.code, ran.outputs) == (0, {"one": 2}), ran.err
    assert dock.containers() == []


def test_gc_ends_what_a_killed_launcher_left(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", with: {desk: DESK}, executor: box}}',
        'def one(desk):\n    note(desk, "begins")\n    wait_for("/never")\n',
    )
    process = dock.start()
    until(lambda: dock.notes == ["begins"])
    (name,) = dock.containers()
    assert dock.call("gc").code == 0
    assert dock.containers() == [name], "its launcher looks after it"
    process.kill()
    process.communicate()
    assert "2 leftovers" in dock.call("gc", "--dry-run").out  # the container, and its scratch folder
    assert dock.containers() == [name]
    assert "leftover" in dock.call("gc").out
    assert dock.containers() == []
    assert dock.call("gc").code == 0


def test_ctrl_c_leaves_no_container(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", with: {desk: DESK}, executor: box}}',
        'def one(desk):\n    note(desk, "begins")\n    wait_for("/never")\n',
    )
    process = dock.start()
    until(lambda: dock.notes == ["begins"])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert dock.containers() == []


def test_detach_leaves_containers_for_resume_to_find(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", with: {desk: DESK}, executor: box}}',
        'def one(desk):\n    note(desk, "begins")\n    wait_for(f"{desk}/go")\n    return 1\n',
    )
    process = dock.start("--on-interrupt", "detach")
    until(lambda: dock.notes == ["begins"])
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "one; what runs in containers goes on, and a resume takes it up" in said
    assert len(dock.containers()) == 1
    (dock.desk / "go").touch()
    ran = dock.call("resume", "--json")
    assert (ran.code, ran.outputs, dock.notes) == (0, {"one": 1}, ["begins"]), ran.err


def test_a_container_that_somebody_removes_is_a_lost_attempt_and_there_is_another(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", with: {desk: DESK}, executor: box, retry: {delay: 0s}}}',
        """
        def one(desk):
            note(desk, "begins")
            if len(Path(f"{desk}/notes").read_text().splitlines()) < 2:
                wait_for("/never")
            return 1
        """,
    )
    process = dock.start()
    until(lambda: dock.notes == ["begins"])
    (name,) = dock.containers()
    assert os.system(f"docker rm -f {name} >/dev/null") == 0
    assert dock.finish(process).outputs == {"one": 1}


def test_a_secret_is_an_environment_variable_of_the_task_and_nowhere_else(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", executor: box, secrets: [TOKEN]}}',
        """
        def one():
            print("the token is", os.environ["TOKEN"])
            return len(os.environ["TOKEN"]), sorted(name for name in os.environ if name.startswith("AWS"))
        """,
    )
    ran = dock.run(env={"TOKEN": "hunter22", "AWS_SECRET_ACCESS_KEY": "mine"})
    assert ran.outputs == {"one": [8, []]}
    assert "the token is ***" in dock.call("logs").out


def test_a_task_finds_the_code_as_it_was_when_the_run_began_and_cannot_change_it(dock):
    dock.load(
        'steps: {one: {run: "tasks:one", executor: box}}',
        """
        def one():
            try:
                Path("written").touch()
            except OSError:
                return sorted(path.name for path in Path().iterdir())
        """,
    )
    dock.write(".env", "TOKEN=1")
    listed = dock.run().outputs["one"]
    assert "tasks.py" in listed
    assert ".env" not in listed


def until(holds, patience=90.0):
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
