"""A project under signals: whatever was started has ended, and nothing is left of it."""

from __future__ import annotations

import pytest

from tests.crashes.terminals import Terminal, ours
from tests.stories.projects import Project


@pytest.fixture
def project(nothing_left, tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()


@pytest.fixture
def terminal(project):
    """Opens a terminal in the project: `terminal("run")`, or `terminal(argv=[...])`."""
    opened = []

    def run(*words, argv=None, **more):
        opened.append(Terminal(argv or ours(*words), project.folder, project.environment(), **more))
        return opened[-1]

    yield run
    for one in opened:
        one.close()
