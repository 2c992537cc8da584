"""A run that cannot go on: the error says the very command that goes on with it later."""

from __future__ import annotations

import pytest

from yamlflow.cli.launching import Show, launch
from yamlflow.cli.options import Progress
from yamlflow.core.errors import SetupError, StateError
from yamlflow.engine.run import open_run
from yamlflow.engine.runs.folder import StateFolder
from yamlflow.engine.runs.opening import RunOptions
from yamlflow.schema.loader import load

FLAGS = ("--state-dir", "kept here")


def opened(tmp_path, steps):
    (tmp_path / "pipeline.yaml").write_text(f"yamlflow: 1\nsteps:\n  {steps}\n")
    graph = load(str(tmp_path / "pipeline.yaml")).graph
    return open_run(graph, StateFolder(tmp_path / "state"), RunOptions(), file=str(tmp_path / "pipeline.yaml"))


def test_a_disk_that_gets_full_is_said_with_the_run_and_where_it_is_kept(tmp_path):
    run = opened(
        tmp_path, f'many: {{foreach: {{x: range(40)}}, sh: "echo {"x" * 3000}", outputs: {{o: {{stdout: text}}}}}}'
    )
    pages = run.state._connection.execute("PRAGMA page_count").fetchone()[0]
    run.state._connection.execute(f"PRAGMA max_page_count = {pages + 8}")
    with pytest.raises(StateError, match="the disk is full") as said:
        launch(run, Show(Progress.NONE, flags=FLAGS))
    assert said.value.hint == f"free some space, then: yamlflow resume {run.id} --state-dir 'kept here'"


def test_a_run_that_could_not_begin_has_nothing_to_go_on_with(tmp_path):
    run = opened(tmp_path, 'big: {sh: "true", resources: {cpu: 900}}')
    with pytest.raises(SetupError) as said:
        launch(run, Show(Progress.NONE, flags=FLAGS))
    assert "resume" not in (said.value.hint or "")
