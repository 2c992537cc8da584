"""Any one system call on the state fails, in whichever process: the real command line says so, and `resume` finishes.

Every call of a small run in turn, for each kind of error. Not only the words are looked at: what had succeeded
does not run again, the outputs are those of an undisturbed run, and nobody sees a traceback.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.conftest import FAULTS, RESULT, Fault, Launched, Project

pytestmark = [pytest.mark.needs("cc"), pytest.mark.slow]


def disturbed(project: Project, fault: Fault, at: int) -> list[str]:
    """One run with one fault in it, and its resume; what is wrong with them."""
    project.renew()
    project.arm(fault, at)
    done = project.launch("run", "--json")
    struck = project.struck
    project.disarm()
    codes = (fault.code, 74) if "state.db" in struck else (fault.code,)  # SQLite does not say why it could not
    wrong = list(complaints(fault, codes, done)) + list(finished(project, done))
    return [f"{fault.name} at call {at} ({struck}): {text}" for text in wrong]


def complaints(fault: Fault, codes: tuple[int, ...], done: Launched) -> Iterator[str]:
    """What the first run may not be like."""
    words = os.strerror(fault.error) if fault.error else "-"
    if "Traceback" in done.err or "bug in yamlflow" in done.err or "bug in yamlflow" in done.out:
        yield f"a bug: {done.err}"
    if done.code in codes:
        if "error: " not in done.err or "  help: " not in done.err:
            yield f"no words: {done.err}"
    elif done.code == 1:  # it struck a task
        if words not in done.out + done.err:
            yield f"the task's failure does not say why: {done.out} {done.err}"
    elif done.code != 0:
        yield f"exit {done.code}: {done.err}"


def finished(project: Project, done: Launched) -> Iterator[str]:
    """What the run may not be like once the fault is gone."""
    before = Counter(project.ledger())
    if done.code:
        succeeded = _succeeded(done)
        done = project.launch("resume", "--json")
        if done.code == 2:  # there was no run yet
            done = project.launch("run", "--json")
        again = Counter(project.ledger()) - before
        if succeeded & set(again):
            yield f"{succeeded & set(again)} had succeeded, and ran again"
    if done.code or json.loads(done.out)["outputs"] != RESULT:
        yield f"not finished: exit {done.code} {done.out} {done.err}"
    if max(Counter(project.ledger()).values()) > 2:
        yield f"ran too often: {project.ledger()}"


def _succeeded(done: Launched) -> set[str]:
    if not done.out.startswith("{"):
        return set()
    return {name for name, step in json.loads(done.out)["steps"].items() if step["state"] == "succeeded"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FAULTS)
def test_whichever_call_fails_the_run_says_so_and_can_be_finished(project, name):
    fault = FAULTS[name]
    project.arm(fault, 1 << 30)
    assert json.loads(project.launch("run", "--json").out)["outputs"] == RESULT
    calls = project.count
    wrong = [text for at in range(1, calls + 1) for text in disturbed(project, fault, at)]
    assert calls > 30
    assert not wrong, "\n".join(wrong)
    print("CALLS", calls)
