"""What every test stands on: the accounting of skips, the parts a test needs, hypothesis' profiles."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests.accounting import Accounting, account
from tests.parts import missing, required

pytest_plugins = ["pytester"]

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_configure(config: pytest.Config) -> None:
    account(config, Path(__file__).with_name("allowed-skips.txt"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose part is missing, or fails it where that part is required."""
    accounting = item.config.pluginmanager.get_plugin("yamlflow-accounting")
    assert isinstance(accounting, Accounting)
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            lack = missing(name)
            if lack and required(name) and not accounting.allows(item.nodeid):
                pytest.fail(lack, pytrace=False)
            if lack:
                pytest.skip(lack)
