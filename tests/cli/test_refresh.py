"""`resume --refresh`: steps that run again although nothing changed."""

from __future__ import annotations

from tests.cli.projects import FINE, TASKS


def test_refresh_runs_a_step_again_although_nothing_changed(yamlflow, place):
    folder = place(FINE)
    note = "    Path(__file__).with_name('ledger').open('a').write('{}\\n')\n    return"
    a, b = TASKS.replace("    return 1", note.format("a") + " 1").split("    return x + a")
    (folder / "tasks.py").write_text(a + note.format("b") + " x + a" + b)
    assert yamlflow("run").returncode == 0
    assert yamlflow("resume").returncode == 0
    first = (folder / "ledger").read_text().split()
    assert first == ["a", "b", "b", "b"]
    assert yamlflow("resume", "--refresh", "a*").returncode == 0
    again = (folder / "ledger").read_text().split()
    assert again == ["a", "b", "b", "b", "a"], "what reads the same value is kept"
    assert yamlflow("resume", "--refresh", "a", "--refresh", "b").returncode == 0
    last = (folder / "ledger").read_text().split()
    assert (last.count("a"), last.count("b")) == (3, 6)
    wrong = yamlflow("resume", "--refresh", "nothing")
    assert wrong.returncode == 2
    assert "the steps are a, b" in wrong.stderr


def test_refresh_of_a_step_that_the_run_only_read_is_refused(yamlflow, place):
    place(FINE)
    assert yamlflow("run").returncode == 0
    assert yamlflow("run", "--only", "b").returncode == 0
    wrong = yamlflow("resume", "--refresh", "a")
    assert wrong.returncode == 2
    assert "the steps are b" in wrong.stderr
