"""What a task is given and what becomes of what it returns."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from yamlflow.core.values import decode
from yamlflow.worker.codecs import load_value

pytestmark = pytest.mark.ability("values")
LARGE = 5_000_000


def test_a_small_result_travels_in_the_report(bench):
    outcome = bench.run("add", inputs={"a": 1, "b": 2})
    assert (outcome.state, outcome.value) == ("succeeded", 3)


def test_a_large_result_is_stored_and_only_its_reference_is_told(bench):
    outcome = bench.run("block", inputs={"count": LARGE})
    assert len(json.dumps(outcome.value)) < 500
    assert bench.store.has(outcome.value["$artifact"]["digest"])
    assert bench.loaded(outcome) == b"x" * LARGE


def test_a_stored_result_is_the_next_ones_input(bench):
    made = bench.run("block", inputs={"count": LARGE}).value
    assert bench.value(replace(bench.job("size"), inputs={"x": made})) == LARGE


def test_a_file_that_a_task_made_is_a_path_to_the_next(bench):
    made = bench.run("file", inputs={"text": "rows"}).value
    assert bench.value(replace(bench.job("read"), inputs={"path": made})) == ("made.txt", "rows")


def test_a_list_that_a_loop_iterates_is_stored_item_by_item(bench):
    documents = bench.run("words", iterated=("many",)).value["many"]
    assert [load_value(document, bench.store) for document in documents] == [{"word": x * 5000} for x in "012"]
    assert len(json.dumps(documents)) < 5000


def test_a_large_input_arrives_whole(bench):
    assert bench.value("size", inputs={"x": "é" * 200_000}) == 200_000


def test_an_expression_over_stored_values_is_evaluated_where_the_task_runs(bench):
    made = bench.run("numbers", inputs={"count": 3000}).value
    document = {"$expr": {"text": "max(inputs.r0) + 1", "roots": {"inputs": {"r0": made}}}}
    assert bench.value(replace(bench.job("add"), inputs={"a": document, "b": 0})) == 3000


def test_a_stored_value_that_is_lost_is_named_and_no_other_try_would_help(bench):
    made = bench.run("block", inputs={"count": LARGE}).value
    digest = decode(made).digest
    bench.lose(digest)
    failure = bench.failure(replace(bench.job("size"), inputs={"x": made}))
    assert (failure.reason, failure.lost, failure.final) == ("artifact_lost", (digest,), True)


def test_a_result_that_cannot_be_stored_names_the_culprit(bench):
    failure = bench.failure("unstorable")
    assert failure.reason == "error"
    assert failure.message.startswith('result["model"]')


def test_skip_is_an_end_of_its_own(bench):
    outcome = bench.run("skips", inputs={"words": "no data"})
    assert (outcome.state, outcome.value, outcome.failure.message) == ("skipped", None, "no data")


def test_metrics_come_with_the_outcome(bench):
    outcome = bench.run("measures")
    assert outcome.metrics == {"auc": 0.9, "loss": 1.0}


def test_a_task_is_told_what_it_is_about(bench):
    told = bench.value("measures", each={"model": "mlp"}, params={"lr": 0.5}, attempt=2, seed=7)
    assert told == {"each": {"model": "mlp"}, "params": {"lr": 0.5}, "attempt": 2, "seed": 7, "run": bench.run_id}
