"""Code: where modules are found, in the same order by validator and worker."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("place", ["mine.py", "src/mine.py", "mine/__init__.py"])
def test_a_module_beside_the_file_or_under_src_is_found(project, place):
    story = project('steps: {a: {run: "mine:f"}}\noutputs: {a: steps.a}')
    story.write(place, "def f():\n    return __file__\n")
    assert story.run().outputs["a"].endswith(place)


def test_the_project_root_above_the_files_folder_is_an_import_root_too(project):
    project.write("mine.py", "def f():\n    return 'root'\n")
    project.write("flows/deep/pipeline.yaml", 'yamlflow: 1\nsteps: {a: {run: "mine:f"}}\noutputs: {a: steps.a}\n')
    ran = project.call("run", "flows/deep/pipeline.yaml", "--json")
    assert ran.outputs == {"a": "root"}


def test_the_files_own_folder_comes_first(project):
    project.write("mine.py", "def f():\n    return 'root'\n")
    project.write("flows/mine.py", "def f():\n    return 'folder'\n")
    project.write("flows/pipeline.yaml", 'yamlflow: 1\nsteps: {a: {run: "mine:f"}}\noutputs: {a: steps.a}\n')
    assert project.call("run", "flows/pipeline.yaml", "--json").outputs == {"a": "folder"}


def test_a_function_of_the_standard_library_and_one_of_a_file_are_steps_as_they_stand(project):
    ran = project(
        """
        steps:
          mean: {run: "statistics:mean", with: {data: [1, 2, 3, 6]}}
          own: {run: "train.py:fit", inputs: {x: steps.mean}}
        outputs: {own: steps.own}
        """,
        train__py="def fit(x):\n    return x * 2\n",
    ).run()
    assert ran.outputs == {"own": 6}


def test_a_callable_that_is_not_there_is_refused_with_the_near_one(project):
    story = project('steps: {a: {run: "tasks:extrct"}}', "def extract():\n        note('ran')")
    said = story.refused()
    assert "extract" in said
    story('steps: {a: {run: "tasksy:extract"}}')
    assert "tasksy" in story.refused()


def test_an_argument_that_is_not_there_or_missing_is_refused_with_the_signature(project):
    story = project('steps: {a: {run: "tasks:f", with: {daat: 1}}}', "def f(data, lr=0.1):\n        note('ran')")
    said = story.refused()
    assert "daat" in said
    assert "def f(data, lr" in said


def test_a_run_from_a_subfolder_uses_the_projects_state(project):
    story = project('steps: {a: {run: "statistics:mean", with: {data: [1]}}}')
    story.run()
    (story.folder / "deep/er").mkdir(parents=True)
    listed = story.call("runs", "list", "--json", cwd=story.folder / "deep/er")
    assert len(listed.document["runs"]) == 1
    assert not (story.folder / "deep/er/.yamlflow").exists()


def test_what_code_leaves_out_makes_no_command_run_again(project):
    story = project(
        """
        code: {exclude: [notes/, "*.md"]}
        steps:
          count: {sh: "echo 1", outputs: {n: {stdout: json}}, cache: true}
        """
    )
    story.write("notes/a.txt", "1")
    story.write("README.md", "1")
    story.write("used.txt", "1")
    story.run()
    story.write("notes/a.txt", "2")
    story.write("README.md", "2")
    assert story.run().state("count") == "cached"
    story.write("used.txt", "2")
    assert "count runs: used.txt changed" in story.run().err
