"""--clamp cuts every request to what the machine has, and says so."""

from __future__ import annotations

import os

TASKS = """
    def one():
        note("ran")
        return 1
"""
PIPELINE = 'steps: {one: {run: "tasks:one", resources: {cpu: 1000, memory: 100Ti}}}\noutputs: {one: steps.one}'


def test_without_it_too_much_is_refused_and_with_it_the_run_goes_on_and_says_what_was_cut(project):
    story = project(PIPELINE, TASKS)
    assert "--clamp" in story.refused(code=78)
    ran = story.run("--clamp")
    assert ran.outputs == {"one": 1}
    assert "1000 cores" in ran.err
    assert str(os.cpu_count()) in ran.err


def test_what_fits_is_left_alone_and_nothing_is_said(project):
    ran = project('steps: {one: {run: "tasks:one", resources: {cpu: 0.5}}}', TASKS).run("--clamp")
    assert "clamp" not in ran.err.lower()
