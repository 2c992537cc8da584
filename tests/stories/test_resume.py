"""Resume: the same run goes on; what succeeded and is unchanged does not run again."""

from __future__ import annotations

TASKS = """
    def make():
        note("make")
        return [1, 2, 3]
    def work(x):
        note("work", x)
        if x == 2 and not (HERE / "fixed").exists():
            raise ValueError("not yet")
        return x * 10
    def total(xs):
        note("total")
        return sum(xs)
    def other(xs):
        note("other")
        return sum(xs)
    def hold(x):
        note("hold", x)
        wait_for("go")
        return x
"""
PIPELINE = """
    params: {start: 1}
    steps:
      make: {run: "tasks:make"}
      work: {foreach: {x: steps.make}, run: "tasks:work", inputs: {x: each.x}, fail_fast: false}
      total: {run: "tasks:total", inputs: {xs: steps.work}}
    outputs: {total: steps.total}
"""


def test_only_what_is_missing_runs_under_the_same_id(project):
    story = project(PIPELINE, TASKS)
    first = story.run(code=1)
    assert sorted(story.ledger) == ["make", "work 1", "work 2", "work 3"]
    story.touch("fixed")
    again = story.call("resume", "--json")
    assert again.code == 0, again.err
    assert again.document["run_id"] == first.document["run_id"]
    assert again.outputs == {"total": 60}
    assert sorted(story.ledger) == ["make", "total", "work 1", "work 2", "work 2", "work 3"]


def test_a_resume_of_a_finished_run_runs_nothing_and_gives_the_same_outputs(project):
    story = project(PIPELINE, TASKS)
    story.touch("fixed")
    first = story.run()
    before = story.ledger
    assert story.call("resume", "--json").outputs == first.outputs
    assert story.ledger == before


def test_parameters_are_those_of_the_run(project):
    story = project(
        """
        params: {x: 1}
        steps: {work: {run: "tasks:work", inputs: {x: params.x}}}
        outputs: {x: steps.work}
        """,
        TASKS,
    )
    story.run("-p", "x=2", code=1)
    story.touch("fixed")
    assert story.call("resume", "--json").outputs == {"x": 20}


def test_the_file_is_read_again_and_a_changed_definition_runs_again_with_its_readers(project):
    story = project(PIPELINE, TASKS)
    story.touch("fixed")
    story.run()
    text = (story.folder / "pipeline.yaml").read_text()
    story.write("pipeline.yaml", text.replace("tasks:total", "tasks:other"))
    assert story.call("resume", "--json").outputs == {"total": 60}
    assert story.ledger.count("make") == 1
    assert story.ledger.count("other") == 1


def test_a_changed_retry_or_timeout_reruns_nothing(project):
    story = project(PIPELINE, TASKS)
    story.touch("fixed")
    story.run()
    before = story.ledger
    text = (story.folder / "pipeline.yaml").read_text()
    story.write(
        "pipeline.yaml",
        text.replace('"tasks:total",', '"tasks:total", timeout: 5m, retry: {attempts: 3}, resources: {cpu: 0.5},'),
    )
    assert story.call("resume").code == 0
    assert story.ledger == before


def test_a_launcher_that_was_killed_leaves_a_run_that_can_go_on(project):
    story = project(
        """
        defaults: {resources: {cpu: 0.1}}
        steps:
          make: {run: "tasks:make"}
          hold: {foreach: {x: steps.make}, run: "tasks:hold", inputs: {x: each.x}}
        outputs: {all: steps.hold}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("hold 1", "hold 2", "hold 3")
    run.kill()
    run.communicate()
    story.touch("go")
    again = story.call("resume", "--json")
    assert again.code == 0, again.err
    assert again.outputs == {"all": [1, 2, 3]}
    assert story.ledger.count("make") == 1


def test_a_resume_by_name_and_by_prefix(project):
    story = project(PIPELINE, TASKS)
    first = story.run("--name", "nightly", code=1)
    story.touch("fixed")
    assert story.call("resume", "nightly", "--json").outputs == {"total": 60}
    unique = first.document["run_id"][:-1]
    assert story.call("resume", unique, "--json").outputs == {"total": 60}


def test_there_is_nothing_to_resume_before_the_first_run(project):
    ran = project(PIPELINE, TASKS).call("resume")
    assert ran.code == 2
    assert "no run" in ran.err
    assert not (project.folder / ".yamlflow").exists()


def test_changed_code_is_listed_and_runs_nothing_again(project):
    story = project(PIPELINE, TASKS)
    story.run(code=1)
    text = (story.folder / "tasks.py").read_text()
    story.write("tasks.py", text.replace("return x * 10", "return x * 100"))
    story.touch("fixed")
    again = story.call("resume", "--json")
    assert again.outputs == {"total": 10 + 200 + 30}
    said = "code of work changed since (tasks.py: work() changed); 2 results kept; --refresh work runs it again"
    assert said in again.err
    assert "code of make" not in again.err
    third = story.call("resume", "--json")
    assert said in third.err, "kept results stay those of the code that made them"
    fresh = story.call("resume", "--json", "--refresh", "work")
    assert "code of work" not in fresh.err
    assert fresh.outputs == {"total": 100 + 200 + 300}
    assert "code of work" not in story.call("resume").err


def test_an_edited_step_of_which_nothing_is_kept_is_not_listed(project):
    story = project(PIPELINE, TASKS)
    story.run(code=1)
    text = (story.folder / "tasks.py").read_text()
    story.write("tasks.py", text.replace("return sum(xs)", "return sum(xs) + 1"))
    story.touch("fixed")
    assert "changed since" not in story.call("resume").err


SECRETIVE = """
    params: {token: {type: str, default: nobody, secret: true}, key: {type: str, default: none, secret: true}}
    steps:
      use: {run: "tasks:use", inputs: {token: params.token, key: params.key}}
      check: {run: "tasks:check", needs: [use]}
    outputs: {used: steps.use}
"""
WITH_SECRET = """
    def use(token, key):
        return len(token)

    def check():
        assert Path("mended").exists()
"""


def test_a_secret_parameter_that_was_given_must_be_given_again_and_the_command_is_said(project):
    story = project(SECRETIVE, WITH_SECRET)
    story.run("-p", "token=hunter2-and-more", "--name", "nightly", code=1)
    story.touch("mended")
    refused = story.call("resume", "nightly", "--state-dir", ".yamlflow")
    run = story.call("runs", "list", "--json").document["runs"][0]
    assert refused.code == 2
    assert f"run {run['run_id']} was given the secret parameter `token`" in refused.err
    command = f"YAMLFLOW_PARAM_TOKEN=... yamlflow resume {run['run_id']} --state-dir .yamlflow"
    assert command in refused.err
    assert (run["state"], run["launches"]) == ("failed", 1), "nothing was started"
    again = story.call("resume", "nightly", "--json", env={"YAMLFLOW_PARAM_TOKEN": "hunter2-and-more"})
    assert again.code == 0, again.err
    assert again.outputs == {"used": len("hunter2-and-more")}
    kept = b"".join(path.read_bytes() for path in story.folder.rglob("*") if path.is_file())
    assert b"hunter2-and-more" not in kept


def test_secret_parameters_that_came_from_the_environment_are_asked_for_all_at_once(project):
    story = project(SECRETIVE, WITH_SECRET)
    story.run(code=1, env={"YAMLFLOW_PARAM_token": "one-of-two", "YAMLFLOW_PARAM_KEY": "two-of-two"})
    refused = story.call("resume")
    assert refused.code == 2
    assert "the secret parameters `token` and `key`" in refused.err
    assert "YAMLFLOW_PARAM_TOKEN=... YAMLFLOW_PARAM_KEY=... yamlflow resume" in refused.err
    still = story.call("resume", env={"YAMLFLOW_PARAM_KEY": "two-of-two"})
    assert "`token`" in still.err
    assert "`key`" not in still.err


def test_a_secret_parameter_that_was_never_given_keeps_its_default_in_a_resume(project):
    story = project(SECRETIVE, WITH_SECRET)
    story.run(code=1)
    story.touch("mended")
    assert story.call("resume", "--json").outputs == {"used": len("nobody")}


def test_a_secret_parameter_without_a_default_is_asked_for_as_a_resume_can_be_given_it(project):
    story = project(SECRETIVE.replace(", default: nobody", ""), WITH_SECRET)
    story.run("-p", "token=hunter2-and-more", code=1)
    refused = story.call("resume")
    assert "YAMLFLOW_PARAM_TOKEN=... yamlflow resume" in refused.err
    assert "-p token" not in refused.err, "resume has no -p"


def test_a_parameter_that_is_no_longer_secret_is_not_taken_for_its_mask(project):
    story = project(SECRETIVE, WITH_SECRET)
    story.run("-p", "token=hunter2-and-more", code=1)
    story.touch("mended")
    story.write("pipeline.yaml", (story.folder / "pipeline.yaml").read_text().replace("nobody, secret: true", "nobody"))
    assert "`token`" in story.call("resume").err
    again = story.call("resume", "--json", "--refresh", "use", env={"YAMLFLOW_PARAM_TOKEN": "hunter2-and-more"})
    assert again.outputs == {"used": len("hunter2-and-more")}


def test_a_parameter_that_has_become_secret_keeps_the_value_of_its_run(project):
    story = project(SECRETIVE.replace("nobody, secret: true", "nobody"), WITH_SECRET)
    story.run("-p", "token=a-longer-name", code=1)
    story.touch("mended")
    text = (story.folder / "pipeline.yaml").read_text().replace("default: nobody", "default: nobody, secret: true")
    story.write("pipeline.yaml", text)
    assert story.call("resume", "--json", "--refresh", "use").outputs == {"used": len("a-longer-name")}
