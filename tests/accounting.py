"""A pytest plugin that counts what did not run, and in CI does not let it pass in silence.

Under `YAMLFLOW_TEST_REQUIRE=all`, every skip, xfail and deselected test must stand with a reason in
allowed-skips.txt beside this file; one that does not ends the run with a failure. The counts are
printed either way. Works alone and under pytest-xdist: workers hand up what only they see
(deselection, files skipped at collection), the controller judges. It must never change a test's
own outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.parts import required

KINDS = ("passed", "failed", "skipped", "xfailed", "deselected")
UNRUN = ("skipped", "xfailed", "deselected")
HARMLESS = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
WIRE = "yamlflow_accounting"


class Accounting:
    """Test ids by what became of them."""

    def __init__(self, allowed: dict[str, str], *, strict: bool) -> None:
        self.allowed = allowed
        self.strict = strict
        self.collected: set[str] = set()
        self.ids: dict[str, set[str]] = {kind: set() for kind in KINDS}

    def unlisted(self) -> list[str]:
        """Lines about what did not run and is not allowed to, sorted."""
        rows = [(kind, name) for kind in UNRUN for name in sorted(self.ids[kind])]
        return [f"{kind} {name}" for kind, name in rows if not self.allows(name)]

    def allows(self, name: str) -> bool:
        return name in self.allowed or name.partition("[")[0] in self.allowed

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:  # a whole file: importorskip, pytest.skip at module level
            self.ids["skipped"].add(report.nodeid)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.ids["deselected"].update(item.nodeid for item in items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected.update(item.nodeid for item in session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        kind = outcome(report)
        if kind:
            self.ids[kind].add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist ended: take over what it alone saw."""
        seen = getattr(node, "workeroutput", {}).get(WIRE, {})
        self.collected.update(seen.get("collected", ()))
        for kind in ("skipped", "deselected"):
            self.ids[kind].update(seen.get(kind, ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        handed_up = getattr(session.config, "workeroutput", None)
        if handed_up is not None:
            handed_up[WIRE] = {"collected": sorted(self.collected), **{k: sorted(self.ids[k]) for k in UNRUN}}
        elif self.strict and self.unlisted() and session.exitstatus in HARMLESS:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("accounting")
        counts = [f"{kind} {len(self.ids[kind])}" for kind in KINDS]
        terminalreporter.line(", ".join([f"collected {len(self.collected | self.ids['deselected'])}", *counts]))
        if self.strict:
            for line in self.unlisted():
                terminalreporter.line(f"NOT ALLOWED: {line} (run it, or list it with a reason)", red=True)


def outcome(report: pytest.TestReport) -> str | None:
    """What a phase's report says about its test; None where a later phase will say it."""
    if report.failed:
        return "failed"
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return "passed" if report.when == "call" else None


def allowed_skips(lines: Iterable[str]) -> dict[str, str]:
    """Reason by test id; a line without a reason is an error of the whole run."""
    found: dict[str, str] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition(" | ")
        if not reason.strip():
            raise pytest.UsageError(f"allowed-skips.txt: no reason after ' | ' in: {line.strip()}")
        found[name.strip()] = reason.strip()
    return found


def account(config: pytest.Config, listing: Path) -> None:
    """Starts the accounting of this run by the list at `listing`."""
    allowed = allowed_skips(listing.read_text().splitlines()) if listing.exists() else {}
    strict = required("all")
    config.pluginmanager.register(Accounting(allowed, strict=strict), "yamlflow-accounting")
