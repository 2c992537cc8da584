"""samples/etl: everything that can go wrong, and what is done about it."""

from __future__ import annotations

import json

import pytest

from tests.samples.copies import Copy

DAY = 31  # of the sample's default date
SHOPS = {"north": 1.15, "south": 1.0, "east": 1.0, "west": 1.15}  # with the rates that `catch` gives


@pytest.fixture
def etl(tmp_path):
    return Copy("etl", tmp_path)


def takings() -> tuple[float, int]:
    """What the report must say, computed without the sample's code: amount in EUR and rows."""
    amount, rows = 0.0, 0
    for shop, rate in SHOPS.items():
        for number in range(DAY + len(shop)):
            if number != 7:
                amount += number * 1.5 * rate
                rows += 1
    return round(amount, 2), rows


def test_the_usual_day_is_a_success(etl):
    ran = json.loads(etl.call("run", "--json").stdout)
    states = {step: body["state"] for step, body in ran["steps"].items()}
    assert states["rates"] == "caught"
    assert states["alarm"] == "succeeded"
    assert states["archive"] == "skipped"
    assert {states[step] for step in ("extract", "clean", "totals", "report")} == {"succeeded"}
    assert "page" not in states or states["page"] != "succeeded"
    assert ran["outputs"]["amount"] == takings()[0]


def test_south_was_tried_twice_and_the_others_once(etl):
    etl.call("run")
    logs = sorted(path.name for path in (etl.state / "runs").glob("*/logs/*extract*"))
    assert sum(name.endswith("-a2.log") for name in logs) == 1
    assert sum(name.endswith("-a1.log") for name in logs) == 4
    assert "south does not answer" in etl.call("logs", "extract[south]").stdout


def test_the_report_is_right_and_can_be_exported(etl, tmp_path):
    etl.call("run", "-p", "publish=true", "--output-dir", str(tmp_path / "out"))
    amount, rows = takings()
    (report,) = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and "takings" in path.read_text()]
    assert report.read_text() == f"takings of 2026-01-31: {amount} EUR in {rows} rows\n"
    etl.call("artifacts", "get", "archive", "-o", str(tmp_path / "archived.txt"))
    assert (tmp_path / "archived.txt").read_text() == report.read_text()


def test_an_outage_fails_pages_and_lets_the_rest_go_on(etl):
    ran = json.loads(etl.call("run", "-p", "outage=true", "--keep-going", "--json", code=1).stdout)
    assert ran["state"] == "failed"
    assert ran["steps"]["extract"]["counts"]["failed"] == 1
    assert ran["steps"]["totals"]["state"] == "upstream_failed"
    assert ran["steps"]["rates"]["state"] == "caught"
    said = etl.call("logs", "on_failure.page").stdout
    assert "paging: extract failed: " in said
    assert "south does not answer" in said


def test_a_run_after_an_outage_resumes_and_finishes(etl):
    etl.call("run", "-p", "outage=true", code=1)
    text = (etl.folder / "shops.py").read_text()
    (etl.folder / "shops.py").write_text(text.replace("(ctx.attempt == 1 or outage)", "ctx.attempt == 1"))
    ran = json.loads(etl.call("resume", "--json").stdout)
    assert ran["outputs"]["amount"] == takings()[0]
