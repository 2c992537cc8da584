"""Working directory: functions start in the code root, commands in a scratch folder into which it is linked."""

from __future__ import annotations

TASKS = """
    import os, tempfile

    def here():
        return os.getcwd()
    def scratch():
        return [os.environ["TMPDIR"], tempfile.gettempdir(), os.environ["YAMLFLOW_TASK_DIR"]]
    def attempt():
        return os.environ["YAMLFLOW_ATTEMPT_ID"]
    def leaves():
        (Path(os.environ["TMPDIR"]) / "left.txt").write_text("x")
        return str(Path(os.environ["TMPDIR"]))
"""


def test_a_function_starts_in_the_code_root_or_in_scratch_when_asked(project):
    story = project(
        'steps: {code: {run: "tasks:here"}, scratch: {run: "tasks:here", cwd: scratch}}\n'
        "outputs: {code: steps.code, scratch: steps.scratch}",
        TASKS,
    )
    outputs = story.run().outputs
    assert outputs["code"] == str(story.folder)
    assert ".yamlflow" in outputs["scratch"] or outputs["scratch"] != outputs["code"]


def test_a_command_starts_in_scratch_and_finds_the_projects_files_there(project):
    story = project(
        """
        steps:
          here: {command: [python, -c, "import os; print(os.getcwd())"], outputs: {at: {stdout: text}}}
          file: {command: [python, train.py], outputs: {out: {text: out.txt}}}
          code: {command: [pwd], cwd: code, outputs: {at: {stdout: text}}}
        outputs: {here: steps.here.at, file: steps.file.out, code: steps.code.at}
        """,
        train__py="open('out.txt', 'w').write('done')\n",
    )
    outputs = story.run().outputs
    assert outputs["file"] == "done"
    assert outputs["here"].strip() != str(story.folder)
    assert outputs["code"].strip() == str(story.folder)
    assert not (story.folder / "out.txt").exists()


def test_scratch_is_the_temporary_folder_and_every_attempt_has_its_own(project):
    ran = project(
        """
        steps:
          scratch: {run: "tasks:scratch"}
          attempts: {foreach: {x: [1, 2]}, run: "tasks:attempt"}
        outputs: {scratch: steps.scratch, attempts: steps.attempts}
        """,
        TASKS,
    ).run()
    assert len(set(ran.outputs["scratch"])) == 1
    assert len(set(ran.outputs["attempts"])) == 2


def test_the_callers_environment_is_inherited_unless_the_profile_says_no(project):
    tasks = "    import os\n    def see():\n        return os.environ.get('MINE')"
    text = """
        executors: {bare: {type: local, env_inherit: false}}
        steps: {all: {run: "tasks:see"}, none: {run: "tasks:see", executor: bare}, some: {run: "tasks:see", executor: bare, env_pass: [MINE]}}
        outputs: {all: steps.all, none: steps.none, some: steps.some}
    """
    assert project(text, tasks).run(env={"MINE": "yes"}).outputs == {"all": "yes", "none": None, "some": "yes"}
