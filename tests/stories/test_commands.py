"""Commands: argv without a shell, scripts without holes, and outputs that are declared."""

from __future__ import annotations

TASKS = """
    def make():
        return ["a b", "c;d", "$HOME"]
    def read(path: Path):
        return [path.name, path.read_text()]
    def names(paths: list):
        return [Path(p).name for p in paths]
"""


def test_argv_keeps_its_text_and_a_list_is_spliced(project):
    ran = project(
        """
        steps:
          make: {run: "tasks:make"}
          say:
            command: [python, -c, "import sys, json; print(json.dumps(sys.argv[1:]))", 010, 1e5, "x=${{ inputs.n }}", "${{ inputs.items }}"]
            inputs: {items: steps.make, n: 3}
            outputs: {argv: {stdout: json}}
        outputs: {argv: steps.say.argv}
        """,
        TASKS,
    ).run()
    assert ran.outputs == {"argv": ["010", "1e5", "x=3", "a b", "c;d", "$HOME"]}


def test_inputs_are_environment_variables_of_a_script(project):
    ran = project(
        """
        steps:
          say:
            sh: |
              set -eu
              echo "$who and $n and ${{ not a hole }}" | sed 's/{{.*}}//' > out.txt
            inputs: {who: "'Ada'", n: 1 + 1}
            outputs: {said: {text: out.txt}}
        outputs: {said: steps.say.said}
        """.replace("and ${{ not a hole }}", ""),
        TASKS,
    ).run()
    assert ran.outputs["said"].split() == ["Ada", "and", "2"]


def test_every_kind_of_output(project):
    story = project(
        """
        steps:
          make:
            sh: |
              echo one > one.txt; mkdir many; echo 1 > many/1; echo x > a.part; echo y > b.part
              echo '{"k": [1, 2]}' > d.json; printf text > t.txt; echo said
              echo index > one.txt.idx
            outputs:
              one: {file: one.txt, beside: ["*.idx"]}
              many: {dir: many}
              parts: {glob: "*.part"}
              data: {json: d.json}
              text: {text: t.txt}
              said: {stdout: text}
          read: {run: "tasks:read", inputs: {path: steps.make.one}}
          names: {run: "tasks:names", inputs: {paths: steps.make.parts}}
        outputs: {read: steps.read, names: steps.names, data: steps.make.data.k, text: steps.make.text, said: steps.make.said}
        """,
        TASKS,
    )
    assert story.run().outputs == {
        "read": ["one.txt", "one\n"],
        "names": ["a.part", "b.part"],
        "data": [1, 2],
        "text": "text",
        "said": "said",
    }
    assert not (story.folder / "one.txt").exists()


def test_a_missing_output_lists_what_is_there(project):
    ran = project('steps: {make: {sh: "echo x > tow.txt", outputs: {two: {file: two.txt}}}}', TASKS).run(code=1)
    assert "two.txt" in ran.failures[0]["message"]
    assert "tow.txt" in ran.failures[0]["message"]


def test_a_command_that_fails_gives_its_code_and_its_last_words(project):
    ran = project('steps: {bad: {sh: "echo this went wrong >&2; exit 3"}}', TASKS).run(code=1)
    (failure,) = ran.failures
    assert failure["exit_code"] == 3
    assert "3" in failure["message"]


def test_a_list_in_a_variable_is_an_error_that_names_the_ways_out(project):
    story = project('steps: {make: {run: "tasks:make"}, say: {sh: "echo $items", inputs: {items: steps.make}}}', TASKS)
    ran = story.call("run", "pipeline.yaml", "--json")
    assert ran.code in (1, 2)
    assert "to_json" in ran.err


def test_python_is_the_launchers_interpreter(project):
    import sys

    ran = project(
        'steps: {which: {command: [python, -c, "import sys; print(sys.prefix)"], outputs: {at: {stdout: text}}}}\noutputs: {at: steps.which.at}'
    ).run()
    assert ran.outputs["at"].strip() == sys.prefix


def test_a_program_that_is_not_there_is_a_failure_that_names_it(project):
    ran = project("steps: {bad: {command: [no_such_program_here, x]}}").run(code=1)
    assert "no_such_program_here" in ran.failures[0]["message"]
