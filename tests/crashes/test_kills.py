"""SIGKILL at any moment of a real run, then `resume`: nothing lost, nothing kept twice, nothing repaired by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.killing import MOMENTS, Reference, Siege, Tally, full_plan, undisturbed


@pytest.fixture(scope="module")
def wanted(tmp_path_factory) -> Reference:
    return undisturbed(tmp_path_factory.mktemp("undisturbed") / "run")


def besieged(folder: Path, seed: int, wanted: Reference, plan: list[str], hits: int) -> Tally:
    tally = Siege(folder, seed, wanted).lay(plan, hits)
    print(f"\nseed {seed}\n{tally.table()}")
    return tally


def test_ten_kills_at_any_moment_and_every_task_is_kept_exactly_once(tmp_path, wanted):
    tally = besieged(tmp_path, 1, wanted, [*MOMENTS, "ended", *["anywhen"] * 4], hits=2)
    assert tally.kills.total() >= 10
    assert all(tally.flying[moment] for moment in MOMENTS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fifteen_more_kills_at_any_moment_and_every_task_is_kept_exactly_once(tmp_path, wanted, seed):
    """Ten of these are 150 kills: at least 120 with tasks in flight, at least 10 at each moment that has a name."""
    tally = besieged(tmp_path, 100 + seed, wanted, full_plan(), hits=5)
    assert tally.kills.total() >= 15
    assert tally.flying.total() >= 12
    assert all(tally.flying[moment] for moment in MOMENTS)
