"""Where a task finds itself: variables, folders, commands, checkpoints, its share of the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yamlflow.core.jobs import Grant

IDENTITY = ("RUN_ID", "STEP", "ATTEMPT", "ATTEMPT_ID", "CPU")
TEXT = {"out": {"stdout": "text"}}


@pytest.mark.ability("environment")
def test_a_step_has_its_own_variables_also_while_its_module_is_imported(bench):
    names = {"names": ["OWN"]}
    assert bench.value("variables", inputs=names, env={"OWN": "1"}) == ["1"]
    assert bench.value("variables_at_import", inputs=names, env={"OWN": "2"}) == ["2"]
    assert bench.value("variables", inputs=names) == [None]


@pytest.mark.ability("environment")
def test_every_task_knows_who_it_is(bench):
    names = {"names": [f"YAMLFLOW_{name}" for name in IDENTITY]}
    job = bench.job("variables", inputs=names, attempt=3, grant=Grant(cpu=1.5))
    assert bench.value(job) == [bench.run_id, "step", "3", job.attempt_id, "1.5"]


@pytest.mark.ability("environment")
def test_numeric_libraries_use_the_cores_that_were_granted(bench, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    bench.relaunch()
    names = {"names": ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]}
    assert bench.value("variables_at_import", inputs=names, grant=Grant(cpu=2)) == ["2", "2"]
    assert bench.value("variables_at_import", inputs=names, grant=Grant(cpu=0.5)) == ["1", "1"]
    env = {"OMP_NUM_THREADS": "7"}
    assert bench.value("variables_at_import", inputs=names, grant=Grant(cpu=2), env=env) == ["7", "2"]


@pytest.mark.ability("inherit")
def test_the_callers_environment_is_inherited_and_the_steps_own_comes_on_top(bench, monkeypatch):
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("BOTH", "caller")
    bench.relaunch()
    names = {"names": ["INHERITED", "BOTH"]}
    assert bench.value("variables", inputs=names, env={"BOTH": "step"}) == ["yes", "step"]
    assert bench.value("variables_at_import", inputs=names, env={"BOTH": "step"}) == ["yes", "step"]
    assert bench.value("variables", inputs=names) == ["yes", "caller"]


@pytest.mark.ability("environment")
def test_a_clean_environment_has_what_every_program_needs_and_what_is_declared(bench, monkeypatch):
    monkeypatch.setenv("INHERITED", "yes")
    bench.relaunch()
    names = {"names": ["INHERITED", "OWN", "PATH"]}
    inherited, own, path = bench.value("variables", inputs=names, env={"OWN": "1"}, env_inherit=False)
    assert (inherited, own) == (None, "1")
    assert path


@pytest.mark.ability("folders")
def test_a_callable_starts_in_the_code_root_and_has_an_empty_scratch_folder(bench):
    job = bench.job("places")
    here, scratch, temporary, found = bench.value(job)
    assert here == bench.value("root")
    assert scratch == temporary != here
    assert found == []


@pytest.mark.ability("folders")
def test_a_callable_may_start_in_its_scratch_folder(bench):
    here, scratch, _, _ = bench.value("places", cwd="scratch")
    assert here == scratch


@pytest.mark.ability("folders")
def test_two_attempts_have_two_scratch_folders(bench):
    (_, first, _, _), (_, second, _, _) = bench.value("places"), bench.value("places")
    assert first != second


@pytest.mark.ability("commands")
def test_a_command_runs_without_a_shell_and_its_output_is_its_value(bench):
    target = {"kind": "command", "argv": ["echo", "$HOME; *"], "outputs": TEXT}
    job = bench.job(target)
    assert bench.value(job) == {"out": "$HOME; *"}
    assert bench.log(job) == b"$HOME; *\n"


@pytest.mark.ability("commands")
def test_a_script_reads_its_inputs_and_leaves_files(bench):
    script = 'echo "$number $flag" > made.txt; python -c "import tasks; print(tasks.add(1))"'
    outputs = {"made": {"file": "made.txt"}, **TEXT}
    value = bench.value({"kind": "command", "script": script, "outputs": outputs}, inputs={"number": 3, "flag": False})
    assert (value["made"].read_text(), value["out"]) == ("3 false\n", "11")
    assert not (bench.code / "made.txt").exists()


@pytest.mark.ability("commands")
def test_how_a_command_failed_is_told(bench):
    failure = bench.failure({"kind": "command", "argv": ["sh", "-c", "exit 7"], "outputs": {}})
    assert (failure.reason, failure.exit_code, failure.message) == ("error", 7, "`sh` ended with exit code 7")
    failure = bench.failure({"kind": "command", "argv": ["no-such-program"], "outputs": {}})
    assert (failure.exit_code, failure.final) == (127, True)
    assert "there is no program `no-such-program`" in failure.message


@pytest.mark.ability("checkpoints")
def test_a_checkpoint_survives_the_attempt_that_wrote_it(bench):
    first = bench.job("epochs")
    second = replace(bench.job("epochs", attempt=2), task=first.task)
    assert bench.failure(first).message == "epoch 5"
    assert bench.value(second) == "4"


@pytest.mark.ability("usage")
def test_memory_and_cpu_of_a_task_are_its_own(bench):
    big = bench.run("eats", inputs={"mebibytes": 200}).usage
    small = bench.run("add", inputs={"a": 1}).usage
    busy = bench.run("works", inputs={"seconds": 1.0}).usage
    assert big.peak_memory - small.peak_memory > 150 << 20
    assert busy.cpu_seconds >= 0.9 > small.cpu_seconds
    assert busy.seconds >= 0.9


@pytest.mark.ability("memory")
def test_who_takes_more_memory_than_granted_ends_with_oom(bench):
    grant = Grant(memory=128 << 20)
    assert bench.failure("eats", inputs={"mebibytes": 400}, grant=grant).reason == "oom"
    assert bench.value("eats", inputs={"mebibytes": 1}, grant=grant) == 1
