"""Keys whose effect no story shows: each on the real command line, with real processes."""

from __future__ import annotations

import json
import sys

import pytest

from tests.stories.projects import ROOT, Project
from yamlflow.core.graph import TaskId
from yamlflow.core.verdicts import backoff, noise
from yamlflow.schema.loader import load_text


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()


TASKS = """
    import os, sys, time

    def one(x=None):
        note("ran")
        return x
    def environment(name):
        return os.environ.get(name)
    def hold(x=None):
        with busy():
            pass
        return os.environ.get("CUDA_VISIBLE_DEVICES")
    def interpreter():
        return os.environ.get("WRAPPED", "no")
    def alone_later(x, *, ctx: "yamlflow.Context"):
        if ctx.attempt == 1:
            meet("first try", 2)
            raise MemoryError
        hold()
    def together_later(x, *, ctx: "yamlflow.Context"):
        if ctx.attempt == 1:
            raise MemoryError
        meet("second try", 2)
    def slow(seconds, *, ctx: "yamlflow.Context"):
        note("attempt", ctx.attempt)
        time.sleep(seconds)
    def dies(*, ctx: "yamlflow.Context"):
        note("attempt", ctx.attempt)
        os.kill(os.getppid(), 9) if ctx.attempt == 1 else None
        os.kill(os.getpid(), 9)
    def fails(*, ctx: "yamlflow.Context"):
        note("attempt", ctx.attempt)
        raise ValueError("no")

    import yamlflow
"""


# ------------------------------------------------------------ the top of the file


def test_the_version_is_required(project):
    story = project('steps: {one: {run: "tasks:one"}}', TASKS)
    text = (story.folder / "pipeline.yaml").read_text()
    story.write("pipeline.yaml", text.replace("yamlflow: 1", "yamlflow: 2"))
    assert "wrong-version" in story.refused()


def test_the_name_is_what_a_run_is_called(project):
    story = project('name: churn\nsteps: {one: {run: "tasks:one"}}', TASKS)
    assert "of churn" in story.run().err
    assert "churn" in story.call("runs", "list").out


@pytest.mark.parametrize("key", ["description: why it is there", "x-team: {lead: somebody}"])
def test_what_is_only_for_people_changes_nothing(project, key):
    assert project(f'{key}\nsteps: {{one: {{run: "tasks:one"}}}}\noutputs: {{a: steps.one}}', TASKS).run().outputs == {
        "a": None
    }


def test_descriptions_and_tags_are_shown_with_the_file(project):
    story = project(
        'description: all of it\nsteps: {one: {run: "tasks:one", description: a part, tags: {team: growth}}}', TASKS
    )
    shown = json.loads(story.call("config", "show", "--json").out)
    assert shown["description"] == "all of it"
    assert shown["steps"]["one"]["description"] == "a part"
    assert shown["steps"]["one"]["tags"] == {"team": "growth"}


def test_only_allowed_variables_can_be_read(project):
    text = 'steps: {one: {run: "tasks:one", inputs: {x: env.PLACE}}}\noutputs: {a: steps.one}'
    assert "env_allow" in project(text, TASKS).refused(env={"PLACE": "here"})
    assert project(f"env_allow: [PLACE]\n{text}", TASKS).run(env={"PLACE": "here"}).outputs == {"a": "here"}


# ------------------------------------------------------------ profiles


def test_a_profile_has_defaults_of_its_own(project):
    ran = project(
        """
        executors:
          strict: {type: local, defaults: {env: {PLACE: strict}, retry: {attempts: 2, delay: 0s}}}
        steps:
          there: {run: "tasks:environment", with: {name: PLACE}, executor: strict}
          here: {run: "tasks:environment", with: {name: PLACE}}
        outputs: {there: steps.there, here: steps.here}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"there": "strict", "here": None}


def test_a_profile_limits_its_tasks(project):
    story = project(
        """
        executors: {narrow: {type: local, max_parallel: 1}}
        steps:
          hold:
            foreach: {x: range(4)}
            run: tasks:hold
            inputs: {x: each.x}
            executor: narrow
            resources: {cpu: 0.1}
        """,
        TASKS,
    )
    story.run()
    assert story.at_once() == 1


def test_a_profile_has_secrets_for_its_tasks(project):
    ran = project(
        """
        executors: {safe: {type: local, secrets: {TOKEN: "env:MINE"}}}
        steps: {one: {run: "tasks:environment", with: {name: TOKEN}, executor: safe}}
        outputs: {n: len(steps.one)}
        """,
        TASKS,
    ).run(env={"MINE": "abcdefg"})
    assert ran.outputs == {"n": 7}


@pytest.mark.parametrize(("key", "request_"), [("cpu: 1", "cpu: 2"), ("memory: 1Gi", "memory: 2Gi")])
def test_a_profile_has_fewer_slots_than_the_machine(project, key, request_):
    text = f"""
        executors: {{local: {{type: local, {key}}}}}
        steps: {{one: {{run: "tasks:one", resources: {{REQUEST}}}}}}
    """
    assert "--clamp" in project(text.replace("REQUEST", request_), TASKS).refused(code=78)
    project(text.replace("REQUEST", key), TASKS).run()


def test_gpus_of_a_profile_have_a_type_a_memory_and_an_id(project):
    text = """
        executors:
          local:
            type: local
            gpus: [{type: a100, memory: 40Gi, id: "7"}, {type: h100, memory: 80Gi, id: "GPU-9"}]
        steps: {one: {run: "tasks:environment", with: {name: CUDA_VISIBLE_DEVICES}, resources: {gpu: REQUEST}}}
        outputs: {a: steps.one}
    """
    asked = {
        "{type: h100}": "GPU-9",
        "{memory: 64Gi}": "GPU-9",
        '"a100:1"': "7",
        "{type: [b200, a100], count: 1}": "7",
    }
    for request, device in asked.items():
        assert project(text.replace("REQUEST", request), TASKS).run().outputs == {"a": device}
    for request in ("{count: 3}", "{memory: 96Gi}", "{type: h100, count: 2}"):
        project(text.replace("REQUEST", request), TASKS).refused(code=78)


def test_a_clean_environment_gets_what_is_passed(project):
    ran = project(
        """
        executors: {clean: {type: local, env_inherit: false, env_pass: [BY_PROFILE]}}
        defaults: {executor: clean, env_pass: [BY_STEP]}
        steps:
          profile: {run: "tasks:environment", with: {name: BY_PROFILE}}
          step: {run: "tasks:environment", with: {name: BY_STEP}}
          none: {run: "tasks:environment", with: {name: BY_NOBODY}}
        outputs: {all: "[steps.profile, steps.step, steps.none]"}
        """,
        TASKS,
    ).run(env={"BY_PROFILE": "1", "BY_STEP": "2", "BY_NOBODY": "3"})
    assert ran.outputs == {"all": ["1", "2", None]}


# ------------------------------------------------------------ steps


def test_a_step_has_variables_of_its_own_with_holes(project):
    ran = project(
        """
        params: {place: here}
        steps: {one: {run: "tasks:environment", with: {name: PLACE}, env: {PLACE: "right ${{ params.place }}"}}}
        outputs: {a: steps.one}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"a": "right here"}


def test_a_step_may_have_another_interpreter(project):
    story = project(
        'steps: {one: {run: "tasks:interpreter", python: PYTHON}}\noutputs: {a: steps.one}',
        TASKS,
    )
    wrapper = story.write("bin/python", f'#!/bin/sh\nPYTHONPATH={ROOT} WRAPPED=yes exec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    text = (story.folder / "pipeline.yaml").read_text().replace("PYTHON", str(wrapper))
    story.write("pipeline.yaml", text)
    assert story.run().outputs == {"a": "yes"}


def test_infrastructure_has_a_budget_of_its_own(project):
    story = project('steps: {one: {run: "tasks:dies", retry: {infra: 1, attempts: 1}}}', TASKS)
    ran = story.run(code=1)
    assert story.ledger == ["attempt 1", "attempt 2"]
    assert ran.failures[0]["reason"] == "lost"


MEMORY = """
    executors: {local: {type: local, cpu: 2, memory: 1Gi}}
    steps:
      eat:
        foreach: {x: range(2)}
        run: tasks:ACTION
        inputs: {x: each.x}
        resources: {cpu: 0.5, memory: 500Mi}
        retry: {attempts: 2, delay: 0s, on: oom, grow: {memory: 2x, max: MAX}}
"""


def test_memory_that_ran_out_grows(project):
    story = project(MEMORY.replace("ACTION", "alone_later").replace("MAX", "{memory: 2Gi}"), TASKS)
    story.run()
    assert story.at_once() == 1


@pytest.mark.parametrize("bound", ["500Mi", "{memory: 500Mi}"])
def test_memory_grows_up_to_its_bound(project, bound):
    project(MEMORY.replace("ACTION", "together_later").replace("MAX", bound), TASKS).run()


def test_time_that_ran_out_grows_up_to_its_bound(project):
    story = project(
        """
        steps:
          slow:
            run: tasks:slow
            with: {seconds: 1}
            timeout: 400ms
            retry: {attempts: 3, delay: 0s, on: timeout, grow: {timeout: 5x, max: {timeout: BOUND}}}
        """,
        TASKS,
    )
    text = (story.folder / "pipeline.yaml").read_text()
    story.write("pipeline.yaml", text.replace("BOUND", "1m"))
    story.run()
    assert story.ledger == ["attempt 1", "attempt 2"]
    story.write("pipeline.yaml", text.replace("BOUND", "500ms").replace("attempts: 3", "attempts: 2"))
    assert story.run(code=1).failures[0]["reason"] == "timeout"


@pytest.mark.parametrize(("jitter", "different"), [("true", True), ("false", False)])
def test_pauses_vary_unless_told_not_to(jitter, different):
    text = f"yamlflow: 1\nsteps: {{one: {{sh: 'true', retry: {{attempts: 2, delay: 10s, jitter: {jitter}}}}}}}\n"
    graph = load_text(text).graph
    assert graph is not None
    pauses = {backoff(graph.nodes["one"].retry, 1, noise(seed, TaskId("one", ()), 1)) for seed in range(20)}
    assert (len(pauses) > 1) is different
    assert all(5 <= pause <= 15 for pause in pauses)


@pytest.mark.parametrize("where", ["step", "profile"])
def test_a_task_that_does_not_start_in_time_is_given_up(project, where):
    on = {"step": ("", "start_timeout: 700ms"), "profile": ("start_timeout: 700ms", "timeout: 1h")}[where]
    story = project(
        f"""
        executors: {{here: {{type: local, {on[0]}}}}}
        steps: {{one: {{run: "hanging:one", executor: here, retry: {{infra: 0}}, {on[1]}}}}}
        """,
        "",
        hanging__py="import time\ntime.sleep(30)\ndef one(): pass\n",
    )
    ran = story.run(code=1)
    assert ran.failures[0]["reason"] == "start_failed"


def test_a_profile_may_be_named_in_the_long_form(project):
    ran = project(
        """
        executors: {there: {type: local, env: {PLACE: there}}}
        steps: {one: {run: "tasks:environment", with: {name: PLACE}, executor: {use: there}}}
        outputs: {a: steps.one}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"a": "there"}


def test_companions_travel_with_their_file(project):
    ran = project(
        """
        steps:
          make:
            sh: "echo data > x.bam; echo index > x.bam.bai; echo other > y.txt"
            outputs: {bam: {file: x.bam, beside: ["*.bai"]}}
          read: {run: "tasks:beside", inputs: {path: steps.make.bam}}
        outputs: {names: steps.read}
        """,
        "def beside(path: Path):\n        return sorted(p.name for p in path.parent.iterdir())",
    ).run()
    assert ran.outputs == {"names": ["x.bam", "x.bam.bai"]}


def test_a_run_says_which_resource_has_no_effect_here(project):
    story = project('steps: {one: {run: "tasks:one", resources: {spot: true}}}', TASKS)
    assert "unused-key" in story.run().err
    assert story.call("run", "pipeline.yaml", "-q").err == ""
