"""Schedule: accepted by the schema, refused until this version keeps times."""

from __future__ import annotations

TASKS = 'def one():\n        note("ran")'


def test_a_schedule_is_refused_by_name_before_anything_starts(project):
    said = project(
        'schedule: {cron: "0 3 * * *", timezone: Europe/London}\nsteps: {one: {run: "tasks:one"}}', TASKS
    ).refused()
    assert "not-yet-supported" in said
    assert "schedule" in said


def test_run_date_is_today_without_one(project):
    from datetime import date, datetime

    ran = project(
        'steps: {one: {run: "tasks:text", inputs: {x: run.date}}}\noutputs: {day: steps.one}',
        "def text(x):\n        return str(x)",
    ).run()
    assert abs((date.fromisoformat(ran.outputs["day"]) - datetime.now().astimezone().date()).days) <= 1
