"""Each behaviour can fail: it is red with an executor that is broken in that respect, and green with the small one."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.executors.contract import broken_places, broken_tasks
from tests.executors.contract.behaviours import behaviours
from tests.executors.contract.bench import NEVER
from tests.executors.contract.benches import BENCHES, SmallBench
from tests.executors.contract.breaking import BROKEN, SILENT
from tests.leaks import until, working_in

assert broken_tasks and broken_places, "they register what they break"
BEHAVIOURS = behaviours()


def test_every_behaviour_has_an_executor_that_fails_it():
    assert set(BROKEN) == set(BEHAVIOURS)


def test_the_small_executor_which_they_break_is_held_to_all_of_the_contract():
    assert BENCHES["small"].lacks() == {}


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_behaviour_is_red_with_an_executor_that_is_broken_there(behaviour, tmp_path, monkeypatch):
    class BrokenBench(SmallBench):
        executor_class = BROKEN[behaviour]
        patience = SILENT.get(behaviour, SmallBench.patience)
        grace = 0.5

    with pytest.raises(AssertionError) as caught:
        tried(behaviour, BrokenBench, tmp_path, monkeypatch)
    assert behaviour in SILENT or NEVER not in str(caught.value)


def tried(behaviour: str, kind: type[SmallBench], place: Path, patch: pytest.MonkeyPatch) -> None:
    """An AssertionError where the executor does not behave so; nothing is left of it."""
    with kind.opened(place) as bench:
        try:
            BEHAVIOURS[behaviour].check(bench, patch)
            assert bench.leftovers() == []
        finally:
            bench.world.end()
            end_all_in(place)


def end_all_in(place: Path) -> None:
    for shown in working_in(place):
        with suppress(ProcessLookupError):
            os.kill(int(shown.partition(":")[0]), signal.SIGKILL)
    until(lambda: not working_in(place))
