"""What an executor is said to lack: data in the registry, each with its reason, and true."""

from __future__ import annotations

import pytest

from tests.executors.contract.behaviours import behaviours
from tests.executors.contract.benches import BENCHES
from yamlflow.executors.base import ABILITIES
from yamlflow.executors.registry import TYPES

BEHAVIOURS = behaviours()
SHORT = 6.0
"""Seconds of patience with who is said not to be able; who is able needs less."""

LACKS = [
    pytest.param(name, ability, marks=list(bench.marks), id=f"{name}-{ability}")
    for name, bench in BENCHES.items()
    for ability in bench.lacks()
]


def test_every_ability_has_a_behaviour_and_every_behaviour_an_ability():
    assert {behaviour.ability for behaviour in BEHAVIOURS.values()} == set(ABILITIES)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_lacked_is_an_ability_and_has_a_reason(kind):
    assert set(TYPES[kind].lacks) <= set(ABILITIES)
    assert all(reason and not reason.endswith(".") for reason in TYPES[kind].lacks.values())


def test_every_executor_has_a_bench():
    assert {bench.kind for bench in BENCHES.values() if bench.kind} == set(TYPES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ability"), LACKS)
def test_what_an_executor_is_said_to_lack_it_lacks(name, ability, nothing_left, tmp_path, monkeypatch):
    for number, behaviour in enumerate(one for one in BEHAVIOURS.values() if one.ability == ability):
        place = tmp_path / str(number)
        place.mkdir()
        with BENCHES[name].opened(place) as bench:
            bench.patience = SHORT
            try:
                behaviour.check(bench, monkeypatch)
            except AssertionError:
                return
    pytest.fail(f"`{name}` is said to lack {ability}, and has it")
