"""The reference example of the file format: valid as it stands against real typed functions, and run on `local`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import yamlflow
from tests.docs.blocks import ROOT
from yamlflow.schema.loader import check

HERE = Path(__file__).parent
MODELS, FOLDS, LR = ("xgb", "mlp"), 5, 0.01


@dataclass(frozen=True)
class Ran:
    """One run on `local`: its document, what it said, the folder its outputs were exported to."""

    document: dict
    said: str
    out: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    shutil.copytree(HERE, folder / "churn", ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    words = ["run", "pipeline.yaml", "-f", "local.yaml", "--executor", "local", "--clamp", "--json", "--output-dir"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YAMLFLOW_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "yamlflow", *words, str(folder / "out")],
        cwd=folder / "churn",
        env={
            **kept,
            "PYTHONPATH": str(ROOT),
            "DB_URL": "postgres://reader@db/churn",
            "YAMLFLOW_STATE_DIR": str(folder / "state"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Ran(json.loads(done.stdout), done.stderr, folder / "out")


@pytest.fixture(scope="module")
def expected(tmp_path_factory, ran):
    """The same, one call after the other: the best per region, and the student's threshold."""
    sys.path.insert(0, str(HERE))
    try:
        return sequentially(tmp_path_factory.mktemp("plain"), ran.document["started"][:10])
    finally:
        sys.path.remove(str(HERE))


def sequentially(folder: Path, day: str) -> tuple[list, float]:
    from churn import data, train

    os.environ["DB_URL"] = "postgres://reader@db/churn"
    try:
        raw = data.extract(f"s3://acme-raw/{day}/events.parquet", yamlflow.Context(tmp=folder))
    finally:
        del os.environ["DB_URL"]
    table = data.clean(raw, yamlflow.Context(tmp=folder), drop_bots=True).table
    best = []
    for region in data.list_regions(table):
        part = data.split(table, region, yamlflow.Context(tmp=folder))
        (folder / region).mkdir()
        context = yamlflow.Context(tmp=folder / region)
        fits = {
            (model, fold): train.fit(part, model, fold, LR, ctx=context) for model in MODELS for fold in range(FOLDS)
        }
        aucs, ckpts = [fit.auc for fit in fits.values()], [fit.ckpt for fit in fits.values()]
        best.append(train.pick_best(aucs, ckpts, [model for model, _ in fits]))
    student = train.distill([one.ckpt for one in best], yamlflow.Context(tmp=folder))
    return [one.auc for one in best], json.loads(student.ckpt.read_text())["threshold"]


def test_it_is_valid_as_it_stands():
    assert [f"{found.span.line}: {found.message}" for found in check(str(HERE / "pipeline.yaml")).diagnostics] == []


def test_it_is_the_example_of_the_format_word_for_word():
    """A change here is a change of the format."""
    text = (HERE / "pipeline.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./pipeline.schema.json\nyamlflow: 1 ")
    assert len(text.splitlines()) == 94


def test_every_step_ends_as_it_should(ran):
    steps = ran.document["steps"]
    assert steps["by_region.fit"]["counts"] == {"succeeded": 2 * len(MODELS) * FOLDS}
    assert {name: step["state"] for name, step in steps.items() if step["state"] not in ("succeeded", "pending")} == {
        "release": "skipped"
    }


def test_its_outputs_are_what_calling_the_functions_gives(ran, expected):
    aucs, threshold = expected
    assert ran.document["outputs"]["auc"] == pytest.approx(aucs)
    student = json.loads((ran.out / "model" / "student.json").read_text())
    assert student["threshold"] == pytest.approx(threshold)


def test_what_this_machine_has_not_was_cut_and_said(ran):
    assert "distill" in ran.said
    assert "cut to" in ran.said


def test_the_secret_is_in_no_record(ran):
    state = ran.out.parent / "state"
    assert not any(b"postgres://reader" in path.read_bytes() for path in state.rglob("*") if path.is_file())
