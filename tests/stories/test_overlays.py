"""Overlays: files laid over the pipeline with -f; mappings merge by key, null deletes."""

from __future__ import annotations

TASKS = """
    def see(**values):
        return values
"""
PIPELINE = """
    params: {lr: 0.1, mode: fast}
    steps:
      see: {run: "tasks:see", inputs: {lr: params.lr}, with: {mode: slow, items: [1, 2]}}
      extra: {run: "tasks:see", with: {a: 1}}
    outputs: {see: steps.see}
"""


def test_keys_merge_lists_replace_and_the_last_overlay_wins(project):
    story = project(
        PIPELINE,
        TASKS,
        one__yaml="params: {lr: 0.5}\nsteps: {see: {with: {items: [3], more: true}}}\n",
        two__yaml="params: {lr: 0.7}\n",
    )
    assert story.run("-f", "one.yaml").outputs["see"] == {"lr": 0.5, "mode": "slow", "items": [3], "more": True}
    assert story.run("-f", "one.yaml", "-f", "two.yaml").outputs["see"]["lr"] == 0.7
    assert story.run().outputs["see"] == {"lr": 0.1, "mode": "slow", "items": [1, 2]}


def test_null_deletes_a_step_but_is_a_value_inside_with(project):
    story = project(PIPELINE, TASKS, over__yaml="steps: {extra: null, see: {with: {mode: null}}}\n")
    ran = story.run("-f", "over.yaml")
    assert "extra" not in ran.document["steps"]
    assert ran.outputs["see"]["mode"] is None


def test_a_name_that_moves_from_with_to_inputs_is_not_in_both(project):
    story = project(PIPELINE, TASKS, over__yaml="steps: {see: {inputs: {mode: params.mode}}}\n")
    assert story.run("-f", "over.yaml").outputs["see"]["mode"] == "fast"


def test_a_mistake_in_an_overlay_is_shown_in_the_overlay(project):
    story = project(PIPELINE, TASKS, over__yaml="steps:\n  see: {wiht: {a: 1}}\n")
    said = story.refused("-f", "over.yaml")
    assert "over.yaml:2:" in said
    assert "with" in said
    assert "nowhere.yaml" in story.refused("-f", "nowhere.yaml")
