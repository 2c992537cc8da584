"""Commands and scripts on real processes: arguments, variables, folders, outputs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from yamlflow.core.values import ArtifactRef, encode_ref


def command(*argv, outputs=None, roots=None):
    return {"kind": "command", "argv": list(argv), "outputs": outputs or {}, "roots": roots or {}}


def script(text, outputs=None):
    return {"kind": "command", "script": text, "outputs": outputs or {}}


TEXT = {"out": {"stdout": "text"}}


def test_a_command_without_outputs_has_no_value_and_its_words_are_in_the_log(workshop):
    job = workshop.job(command("sh", "-c", "echo out; echo err >&2"))
    outcome = workshop.run(job)
    assert (outcome.state, outcome.value) == ("succeeded", None)
    assert workshop.log(job) == "out\nerr\n"


def test_holes_are_filled_where_the_command_runs_and_lists_are_spliced(workshop):
    target = command(
        "echo",
        "--x=${{ inputs.x }}",
        "${{ inputs.many }}",
        "${{ each.m }}",
        "$${{ kept",
        outputs=TEXT,
        roots={"each": {"m": True}},
    )
    assert workshop.value(target, inputs={"x": 0.5, "many": ["a b", 2]}) == {"out": "--x=0.5 a b 2 true ${{ kept"}


def test_a_list_inside_an_argument_is_an_error_that_says_what_to_write(workshop):
    failure = workshop.fails(command("echo", "x${{ inputs.many }}"), inputs={"many": [1]})
    assert "to_json(x)" in failure.message


def test_an_argument_may_be_a_file_of_lines(workshop):
    target = command("cat", "${{ write_lines(inputs.many) }}", outputs=TEXT)
    assert workshop.value(target, inputs={"many": ["a", "b"]}) == {"out": "a\nb"}


def test_inputs_are_variables_and_a_script_reads_them(workshop):
    target = script('echo "$number $flag $name"', TEXT)
    assert workshop.value(target, inputs={"number": 3, "flag": False, "name": "it's"}) == {"out": "3 false it's"}


def test_a_list_in_a_script_is_an_error_that_says_what_to_write(workshop):
    failure = workshop.fails(script("true"), inputs={"names": ["a", "b"]})
    assert 'write write_lines(names), join(" ", names) or to_json(names)' in failure.message


def test_a_list_that_only_an_argument_reads_is_no_error(workshop):
    target = command("echo", "${{ to_json(inputs.names) }}", outputs=TEXT)
    assert workshop.value(target, inputs={"names": ["a"]}) == {"out": '["a"]'}


def test_a_script_stops_at_the_first_error_also_in_a_pipe(workshop):
    assert workshop.fails(script("false\necho never")).exit_code == 1
    job = workshop.job(script("exit 4 | cat\necho never"))
    assert workshop.fails(job).exit_code == 4
    assert workshop.log(job) == ""


def test_an_exit_code_and_a_signal_are_told(workshop):
    failure = workshop.fails(command("sh", "-c", "exit 7"))
    assert (failure.reason, failure.exit_code, failure.message) == ("error", 7, "`sh` ended with exit code 7")
    failure = workshop.fails(command("sh", "-c", "kill -USR1 $$"))
    assert (failure.exit_code, failure.message) == (138, "`sh` was ended by SIGUSR1")


def test_a_program_that_is_not_there_or_cannot_run_fails_for_good(workshop):
    failure = workshop.fails(command("no-such-program-anywhere"))
    assert (failure.exit_code, failure.final) == (127, True)
    assert "there is no program `no-such-program-anywhere` on PATH" in failure.message
    plain = workshop.write("plain", "text")
    failure = workshop.fails(command(str(plain)))
    assert (failure.exit_code, failure.final) == (126, True)


def test_python_is_the_launchers_interpreter(workshop):
    target = command("python", "-c", "import sys; print(sys.prefix)", outputs=TEXT)
    assert workshop.value(target) == {"out": sys.prefix}
    assert workshop.value(target, env={"PATH": "/usr/bin:/bin"}) == {"out": sys.prefix}


def test_a_command_finds_the_code_and_leaves_its_files_in_the_scratch_folder(workshop):
    workshop.write("train.py", "import lib.near\nopen('model.txt', 'w').write(lib.near.WORD)")
    workshop.write("lib/near.py", "WORD = 'near'")
    target = command("python", "train.py", outputs={"model": {"file": "model.txt"}})
    value = workshop.value(target)
    assert (value["model"].name, value["model"].read_text()) == ("model.txt", "near")
    assert not (workshop.code / "model.txt").exists()


def test_an_output_that_the_code_root_already_has_is_not_written_through_a_link(workshop):
    mine = workshop.write("report.html", "mine")
    value = workshop.value(script("echo new > report.html", {"report": {"file": "report.html"}}))
    assert value["report"].read_text() == "new\n"
    assert mine.read_text() == "mine"


def test_cwd_code_runs_in_the_code_root_and_copies_what_it_makes(workshop):
    job = workshop.job(script("echo x > made.txt", {"made": {"file": "made.txt"}}), cwd="code")
    assert workshop.value(job)["made"].read_text() == "x\n"
    assert (workshop.code / "made.txt").read_text() == "x\n"


def test_outputs_of_every_kind(workshop):
    target = script(
        "mkdir -p d/e; echo 1 > d/e/f; echo a > a.bam; echo i > a.bam.bai; echo b > b.bam;"
        "echo '{\"auc\": 0.5}' > m.json; echo ' two ' > t.txt; echo '[1, 2]'",
        {
            "folder": {"dir": "d"},
            "bams": {"glob": "*.bam"},
            "one": {"file": "a.bam", "beside": ["*.bai"]},
            "metrics": {"json": "m.json"},
            "text": {"text": "t.txt"},
            "said": {"stdout": "json"},
        },
    )
    value = workshop.value(target)
    assert (value["folder"] / "e" / "f").read_text() == "1\n"
    assert [path.name for path in value["bams"]] == ["a.bam", "b.bam"]
    assert value["one"].read_text() == "a\n"
    assert (value["one"].parent / "a.bam.bai").read_text() == "i\n"
    assert (value["metrics"], value["text"], value["said"]) == ({"auc": 0.5}, " two ", [1, 2])


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"file": "model.pt"}, "output `x`: there is no file `model.pt`; there is: model.bin, sub/"),
        ({"dir": "model.bin"}, "output `x`: there is no folder `model.bin`; there is: model.bin, sub/"),
        ({"glob": "*.bam"}, "output `x`: no file matches `*.bam`; there is: model.bin, sub/"),
        (
            {"file": "model.bin", "beside": ["*.idx"]},
            "output `x`: no companion matches `*.idx`; there is: model.bin, sub/",
        ),
        ({"json": "model.bin"}, "output `x` is not JSON (Expecting value: line 1 column 1 (char 0)): hello"),
        ({"stdout": "json"}, "output `x` is not JSON (Expecting value: line 1 column 1 (char 0)): nothing"),
    ],
)
def test_a_missing_output_says_what_is_there(workshop, declared, words):
    workshop.write("train.py", "")
    assert workshop.fails(script("echo hello > model.bin; mkdir sub", {"x": declared})).message == words


def test_a_file_of_another_step_is_a_path_in_an_argument_and_a_variable(workshop):
    digest, size = workshop.store.put_bytes([b"rows\n"])
    file = encode_ref(ArtifactRef(digest, "file", size, name="rows.csv"))
    for target in (
        command("cat", "${{ inputs.table }}", outputs=TEXT),
        script('basename "$table"; cat "$table"', TEXT),
    ):
        job = dataclasses.replace(workshop.job(target), inputs={"table": file})
        assert workshop.value(job)["out"].endswith("rows")


def test_a_joined_loop_is_a_list_to_a_command(workshop):
    target = command("echo", "${{ inputs.scores }}", outputs=TEXT)
    job = dataclasses.replace(workshop.job(target), inputs={"scores": {"$join": {"keys": ["a", "b"], "items": [1, 2]}}})
    assert workshop.value(job) == {"out": "1 2"}


def test_a_command_has_a_checkpoint_folder(workshop):
    value = workshop.value(script('test -d "$YAMLFLOW_CHECKPOINT_DIR"; echo "$YAMLFLOW_TASK_DIR"; pwd', TEXT))
    task_dir, here = value["out"].splitlines()
    assert task_dir == here
    assert not Path(here).exists()


def test_a_command_that_is_stopped_may_tidy_up(workshop):
    text = "trap 'sleep 0.2; echo tidy > {0}/tidy; exit 1' TERM; echo x > {0}/started; sleep 60 & wait"
    for number, cause in enumerate(("timeout", "cancelled")):
        place = workshop.code / str(number)
        place.mkdir()
        job = workshop.job(script(text.format(place)), timeout=1.0 if cause == "timeout" else None)
        workshop.submit(job)
        workshop.wait_for(f"{number}/started")
        if cause == "cancelled":
            workshop.executor.cancel([job.attempt_id])
        assert workshop.ended(job).failure.reason == cause
        assert (place / "tidy").read_text() == "tidy\n"


def test_nobody_outlives_a_command(workshop, is_gone):
    target = script(f"setsid sleep 60 & echo $! > {workshop.code}/pid; sleep 0.05")
    assert workshop.run(target).state == "succeeded"
    assert is_gone(int(workshop.wait_for("pid")))
