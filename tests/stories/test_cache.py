"""Cache: `cache: false` is what is; asking for a cache is refused until this version has one."""

from __future__ import annotations

import pytest

TASKS = """
    def one():
        note("ran")
        return 1
"""


def test_off_is_what_one_gets_twice(project):
    story = project('steps: {one: {run: "tasks:one", cache: false}}', TASKS)
    story.run()
    story.run()
    assert story.ledger == ["ran", "ran"]


@pytest.mark.parametrize("value", ["true", "{ttl: 1d}", "{version: 2}"])
def test_a_cache_is_refused_by_name_or_really_kept(project, value):
    said = project(f'steps: {{one: {{run: "tasks:one", cache: {value}}}}}', TASKS).refused()
    assert "not-yet-supported" in said
    assert "cache" in said
