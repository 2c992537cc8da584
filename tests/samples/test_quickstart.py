"""samples/quickstart: five lines of YAML."""

from __future__ import annotations

import pytest

from tests.samples.copies import SAMPLES, Copy


@pytest.fixture
def quickstart(tmp_path):
    return Copy("quickstart", tmp_path)


def test_it_prints_the_slope(quickstart):
    out = quickstart.call("run").stdout
    slope = float(out.rpartition(":")[2] if ":" in out else out)
    assert slope == pytest.approx(2.0, abs=0.01)


def test_its_readme_is_right(quickstart):
    quickstart.call("run", "pipeline.yaml")
    assert float(quickstart.call("artifacts", "show", "fit").stdout) == pytest.approx(2.0, abs=0.01)
    assert "fit" in quickstart.call("status").stdout


def test_it_is_five_lines_of_yaml():
    assert len((SAMPLES / "quickstart" / "pipeline.yaml").read_text().splitlines()) == 5
