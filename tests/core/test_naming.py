from __future__ import annotations

import pytest

from yamlflow.core.graph import TaskId
from yamlflow.core.naming import Names, glob, parse_pattern
from yamlflow.core.outline import Outline, Step

PLAN = Outline(
    "demo",
    {
        step.id: step
        for step in [
            Step("prep", "prep", "", 0),
            Step("by_region", "by_region", "", 0, group=True, names=("region",)),
            Step("by_region.fit", "fit", "by_region", 1, names=("model", "fold")),
            Step("tune", "tune", "", 0, group=True, names=("x",), rounds=True),
            Step("tune.score", "score", "tune", 2),
        ]
    },
)


@pytest.fixture
def names() -> Names:
    made = Names(PLAN)
    made.learn(TaskId("by_region", ()), 2, ("eu", "us.east/1"))
    for region in range(2):
        made.learn(
            TaskId("by_region.fit", (region,)),
            4,
            ("model=xgb,fold=0", "model=xgb,fold=1", "model=mlp,fold=0", "model=mlp,fold=1"),
        )
    made.learn(TaskId("tune", ()), 2, ())
    return made


TASKS = [TaskId("by_region.fit", (region, item)) for region in range(2) for item in range(4)]


@pytest.mark.parametrize(
    ("task", "shown"),
    [
        (TaskId("prep", ()), "prep"),
        (TaskId("by_region", (0,)), "by_region[eu]"),
        (TaskId("by_region.fit", (0, 2)), "by_region[eu].fit[model=mlp,fold=0]"),
        (TaskId("tune.score", (1, 0)), "tune[1][round=1].score"),
    ],
)
def test_a_task_is_shown_by_the_keys_of_its_items(names, task, shown):
    assert names.display(task) == shown


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("by_region[eu].fit[model=xgb,fold=1]", [(0, 1)]),
        ("by_region#0.fit#1", [(0, 1)]),
        ("by_region:eu/fit:xgb,1", [(0, 1)]),
        ("by_region[us.east/1].fit[mlp,0]", [(1, 2)]),
        ("by_region.fit[model=mlp,fold=1]", [(0, 3), (1, 3)]),
        ("by_region.fit[fold=1]", [(0, 1), (0, 3), (1, 1), (1, 3)]),
        ("by_region[eu]", [(0, 0), (0, 1), (0, 2), (0, 3)]),
        ("by_region[us*].fit[xgb,*]", [(1, 0), (1, 1)]),
        ("by_*.f*#3", [(0, 3), (1, 3)]),
        ("by_region.fit[model=nope,fold=1]", []),
    ],
)
def test_a_task_is_found_however_it_is_written(names, text, wanted):
    pattern = parse_pattern(text, PLAN)
    assert [task.path for task in TASKS if pattern.admits(names, task)] == wanted
    assert pattern.field == ()


def test_every_shown_name_finds_its_own_task_and_no_other(names):
    for task in TASKS:
        pattern = parse_pattern(names.display(task), PLAN)
        assert [other for other in TASKS if pattern.admits(names, other)] == [task]


def test_what_follows_the_step_is_a_field(names):
    pattern = parse_pattern("by_region[eu].fit[fold=0].auc.mean", PLAN)
    assert pattern.field == ("auc", "mean")
    assert parse_pattern("prep.table", PLAN).field == ("table",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "there is no step 'nope'"),
        ("prep[eu", "`\\[` is never closed"),
        ("prep#x", "a number belongs after `#`"),
        ("prep.x[1]", "there is no step 'prep.x'"),
        ("", "step's name is missing"),
        ("prep!", "`.` or `/` is missing at character 5"),
        (".prep", "a step's name is missing at character 1"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text, said):
    with pytest.raises(ValueError, match=said):
        parse_pattern(text, PLAN)


def test_in_a_glob_only_the_star_is_special():
    assert glob("a*c", "abc")
    assert not glob("a?c", "abc")
    assert glob("[x]*", "[x]y")


def test_keys_are_the_same_in_another_run_whose_items_moved(names):
    moved = Names(PLAN)
    moved.learn(TaskId("by_region", ()), 2, ("us.east/1", "eu"))
    assert names.keys(TaskId("by_region", (0,))) == moved.keys(TaskId("by_region", (1,))) == ("eu",)
