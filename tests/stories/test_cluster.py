"""Cluster: accepted by the schema, refused before the run until this version can form one."""

from __future__ import annotations

import pytest

TASKS = 'def one():\n        note("ran")'


@pytest.mark.parametrize("value", ["4", "{nodes: 2, framework: torch}"])
def test_a_cluster_is_refused_by_name_before_anything_starts(project, value):
    story = project(f'steps: {{one: {{run: "tasks:one", cluster: {value}}}}}', TASKS)
    said = story.refused()
    assert "not-yet-supported" in said
    assert "cluster" in said
    assert "pipeline.yaml:2:" in story.call("run", "pipeline.yaml").err
