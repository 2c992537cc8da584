"""What a misspelt or foreign word was meant to be."""

from __future__ import annotations

import pytest

from yamlflow.schema.spelling import FOREIGN, condition_hint, hint, suggest

STEP_KEYS = [
    "run",
    "command",
    "sh",
    "uses",
    "steps",
    "description",
    "inputs",
    "with",
    "needs",
    "needs_policy",
    "when",
    "foreach",
    "where",
    "key",
    "max_parallel",
    "fail_fast",
    "min_success",
    "max_items",
    "repeat",
    "retry",
    "timeout",
    "deadline",
    "start_timeout",
    "catch",
    "cache",
    "executor",
    "image",
    "resources",
    "cluster",
    "limit",
    "env",
    "env_pass",
    "secrets",
    "outputs",
    "cwd",
    "python",
    "requirements",
    "isolation",
    "items_per_task",
    "tags",
]
TOP_KEYS = [
    "yamlflow",
    "name",
    "description",
    "params",
    "executors",
    "defaults",
    "limits",
    "steps",
    "outputs",
    "on_success",
    "on_failure",
    "on_exit",
    "schedule",
    "store",
    "code",
    "env_allow",
    "deadline",
    "keep",
]
EVERY_KEY = {*STEP_KEYS, *TOP_KEYS}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("need", "needs"),
        ("timout", "timeout"),
        ("retyr", "retry"),
        ("maxParallel", "max_parallel"),
        ("max-parallel", "max_parallel"),
        ("FOREACH", "foreach"),
        ("comand", "command"),
        ("desc", "description"),
        ("inptus", "inputs"),
        ("fail_fats", "fail_fast"),
    ],
)
def test_a_near_word_is_suggested(word, meant):
    assert suggest(word, STEP_KEYS) == meant


@pytest.mark.parametrize("word", ["", "zzz", "x", "colour", "-", "_"])
def test_a_far_word_is_not(word):
    assert suggest(word, STEP_KEYS) is None


def test_without_candidates_nothing_is_suggested():
    assert suggest("word", []) is None


def test_the_nearest_of_several_is_suggested():
    assert suggest("daat", ["date", "data", "dat"]) == "data"


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("depends_on", "needs"),
        ("dependsOn", "needs"),
        ("if", "when"),
        ("matrix", "foreach"),
        ("withItems", "foreach"),
        ("retries", "retry.attempts"),
        ("gpus", "resources.gpu"),
        ("num_nodes", "cluster.nodes"),
        ("environment", "env"),
        ("tasks", "steps"),
        ("jobs", "steps"),
        ("stages", "steps"),
        ("continue-on-error", "catch"),
        ("container", "image"),
        ("strategy", "foreach"),
    ],
)
def test_other_tools_words_are_translated(word, ours):
    assert hint(word, STEP_KEYS) == f"write `{ours}` for `{word}`"


def test_a_key_that_belongs_elsewhere_is_sent_there():
    assert hint("matrix", TOP_KEYS) == "write `foreach` for `matrix`, on a step"
    assert hint("triggers", STEP_KEYS) == "write `schedule` for `triggers`, at the top of the file"


def test_an_unknown_word_has_no_hint():
    assert hint("zzz", STEP_KEYS) is None


def test_a_near_word_is_asked_about():
    assert hint("need", STEP_KEYS) == "did you mean `needs`?"


def test_every_translation_names_a_key_that_exists():
    assert {foreign.use.split(".")[0] for foreign in FOREIGN.values()} - EVERY_KEY == set()


@pytest.mark.parametrize("text", ["always()", "${{ always() }}", " always() ", "!cancelled()"])
def test_a_condition_that_always_holds_is_a_policy(text):
    assert "needs_policy: all_done" in (condition_hint(text) or "")


def test_other_conditions_are_explained_too():
    assert "any_failed" in (condition_hint("failure()") or "")
    assert condition_hint("params.x") is None
