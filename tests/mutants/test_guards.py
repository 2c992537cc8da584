"""Conditions of the scheduler, turned round one by one, are noticed by its tests: nine of ten in each module."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mutants.guards import MODULES, ROOT, mutants, survivors

BAR = 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_turning_a_condition_round_is_noticed(module):
    """What is not noticed stands in survivors.txt with a reason; what is noticed does not."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.guards", module], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    alive = {line for line in done.stdout.splitlines() if line.startswith(f"{module}.")}
    known = {name for name in survivors() if name.startswith(f"{module}.")}
    assert alive <= known, "nothing noticed:\n" + "\n".join(sorted(alive - known))
    assert known <= alive, "killed by now, take it out of survivors.txt:\n" + "\n".join(sorted(known - alive))
    assert len(alive) <= (1 - BAR) * len(mutants(module)), f"{len(alive)} of {len(mutants(module))} survive"


def test_every_survivor_is_a_mutant_that_there_is_and_has_a_reason():
    there = {mutant.name for module in MODULES for mutant in mutants(module)}
    for name, reason in survivors().items():
        assert name in there, f"no longer in the code: {name}"
        assert len(reason.split()) > 3, f"no reason: {name}"


def test_a_mutant_differs_from_its_function():
    found = mutants("pools")
    assert len(found) == len({mutant.name for mutant in found}) > 20
