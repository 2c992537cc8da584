"""Every story has a project of its own."""

from __future__ import annotations

import pytest

from tests.stories.projects import Project


@pytest.fixture
def project(nothing_left, tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()
