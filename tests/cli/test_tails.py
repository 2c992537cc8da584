"""What tasks print, shown line by line while they run."""

from __future__ import annotations

import pytest

from tests.cli.telling import Tale
from yamlflow.cli.options import ShowOutput
from yamlflow.cli.screen.tails import Tails
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Outcome
from yamlflow.core.messages import ItemsKnown, Succeeded


def tails(tmp_path, choice):
    said = []
    return Tails(choice, lambda task, attempt: str(tmp_path / f"{task.node}.{attempt}.log"), said.append), said


def test_what_a_task_prints_is_shown_line_by_line_with_its_name(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.AUTO)
    tale = Tale(followed)
    log = tmp_path / "prep.1.log"
    tale.run("prep")
    followed.tick()
    log.write_bytes(b"one\ntwo \x1b[31mred\x1b[0m\nhal")
    followed.tick()
    assert said == ["prep | one", "prep | two red"]
    log.write_bytes(log.read_bytes() + b"f\xff\nthe end")
    tale.tell(Succeeded, TaskId("prep", ()), 1, Outcome("succeeded"))
    assert said[2:] == ["prep | half\ufffd", "prep | the end"]


def test_the_output_of_many_tasks_is_left_to_the_logs(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.AUTO)
    tale = Tale(followed)
    tale.tell(ItemsKnown, TaskId("fit", ()), 21)
    (tmp_path / "fit.1.log").write_text("text\n")
    tale.good("fit", (0,))
    assert said == []


@pytest.mark.parametrize(("choice", "shown"), [(ShowOutput.ALL, 2), (ShowOutput.FAILED, 1), (ShowOutput.NONE, 0)])
def test_a_flag_says_whose_output_is_shown(tmp_path, choice, shown):
    followed, said = tails(tmp_path, choice)
    tale = Tale(followed)
    (tmp_path / "prep.1.log").write_text("prep\n")
    (tmp_path / "last.1.log").write_text("last\n")
    tale.good("prep")
    tale.bad("last")
    assert len(said) == shown
    assert shown == 0 or said[-1] == "last | last"


def test_a_flood_is_read_in_pieces(tmp_path):
    followed, said = tails(tmp_path, ShowOutput.ALL)
    tale = Tale(followed)
    (tmp_path / "prep.1.log").write_bytes(b"x" * 100 + b"\n" * 1_000_000)
    tale.run("prep")
    followed.tick()
    assert 0 < len(said) <= 64 * 1024
