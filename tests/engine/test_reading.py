"""`result["..."]`: what each way of writing a task gives from Python, and the words where there is nothing."""

from __future__ import annotations

import pytest

from tests.engine.bench import Bench, bad, bench, graph, ok, over, step
from yamlflow.engine.api import Result

PLAN = graph(
    step("plain"),
    step("bad"),
    step("by", children=("by.fit", "by.folds"), loop=over({"model": ["svm", "knn"]}), outputs={"fit": "steps.fit"}),
    step("fit", parent="by", depth=1, inputs={"m": "each.model"}),
    step("folds", parent="by", depth=1, inputs={"k": "each.k"}, loop=over({"k": [1, 2]})),
)
ANSWERS = {
    "plain": ok({"auc": 0.5, "weights": [1, 2]}),
    "bad": bad(),
    "by.fit": lambda job: {"model": job.inputs["m"], "auc": len(job.inputs["m"])},
    "by.folds": lambda job: {"n": job.inputs["k"] * 10},
}


@pytest.fixture
def result(tmp_path) -> Result:
    here: Bench = bench(tmp_path)
    return Result(here.folder, here.run(PLAN, ANSWERS, keep_going=True).run_id)


FOUND = {
    "plain": {"auc": 0.5, "weights": [1, 2]},
    "plain.weights.1": 2,
    "by": [{"fit": {"model": "svm", "auc": 3}}, {"fit": {"model": "knn", "auc": 3}}],
    "by[svm].fit": {"model": "svm", "auc": 3},
    "by[svm].fit.auc": 3,
    "by#1.fit.model": "knn",
    "by[svm].folds": [{"n": 10}, {"n": 20}],
    "by[svm].folds.n": [10, 20],
    "by[svm].folds[2].n": 20,
    "by.folds[1].n": [10, 10],
    "by.fit.model": ["svm", "knn"],
}


@pytest.mark.parametrize("name", FOUND)
def test_a_value_is_found_by_the_name_of_its_task_and_field(result, name):
    assert result[name] == FOUND[name]


SAID = {
    "nobody": "there is no step 'nobody'",
    "by[svm]": "`by[svm]` means 3 values: by[svm].fit, by[svm].folds[1], by[svm].folds[2]; name one of them",
    "by.folds": "`by.folds` means 4 values: by[svm].folds[1], by[svm].folds[2], by[knn].folds[1]",
    "by[gone].fit": "no task is called `by[gone].fit`",
    "plain.gone": "`plain` has no field `gone`; it has auc, weights",
    "bad": "`bad` has no value: it is failed",
    "bad.auc": "`bad` has no value: it is failed",
}


@pytest.mark.parametrize("name", SAID)
def test_what_has_no_one_value_is_a_key_error_that_says_why(result, name):
    with pytest.raises(KeyError) as wrong:
        result[name]
    assert SAID[name] in wrong.value.args[0]
