"""Every behaviour on every bench whose executor is said to have the ability; the others are tried in test_lacks."""

from __future__ import annotations

import pytest

from tests.executors.contract.benches import BENCHES


def pytest_configure(config):
    config.addinivalue_line("markers", "ability(name): what an executor needs for this behaviour (base.ABILITIES)")


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("ability")
    if marker is None or "bench" not in metafunc.fixturenames:
        return
    able = [name for name, bench in BENCHES.items() if marker.args[0] not in bench.lacks()]
    params = [pytest.param(name, marks=list(BENCHES[name].marks)) for name in able]
    metafunc.parametrize("bench", params, indirect=True)


@pytest.fixture
def bench(request, nothing_left, tmp_path):
    with BENCHES[request.param].opened(tmp_path) as made:
        yield made
    assert made.leftovers() == []
