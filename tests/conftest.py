"""What every test stands on: the accounting of skips, the parts a test needs, hypothesis' profiles."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import hypothesis
import pytest

from tests import leaks
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tables that tests recorded as `told`, from whichever worker they ran in."""
    told = [
        value
        for report in terminalreporter.getreports("passed")
        for key, value in report.user_properties
        if key == "told"
    ]
    if told:
        terminalreporter.section("told by tests")
        terminalreporter.write_line("\n".join(map(str, told)))


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """Whatever the test starts is over in the end: no process, lock, temporary file, thread or descriptor is left.

    A fixture that ends what it started must ask for this one, so that it is asked first.
    """
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv(leaks.MARK, mark)
    with leaks.nothing_left(tmp_path, mark):
        yield


@pytest.fixture(autouse=True)
def import_path():
    """`yamlflow.run` lets its caller load values of a pipeline's own classes: the next test finds none of that."""
    before = list(sys.path)
    yield
    sys.path[:] = before
