"""The one door: everything at once, in file order, and what a run is refused for."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.schema.loading import findings, graph_of, load_here, messages, write
from yamlflow.schema.diagnostics import render
from yamlflow.schema.files.project import import_roots, project_root
from yamlflow.schema.loader import Given, Placement, check, check_text, load

REFERENCE = Path(__file__).parents[1] / "reference" / "pipeline.yaml"
RULES = Path(__file__).parents[1] / "golden" / "rules"


def test_the_reference_pipeline_has_no_finding_at_all():
    assert check(str(REFERENCE)).diagnostics == ()
    loaded = load(str(REFERENCE), given=Given(options=["deploy=true"]))
    assert loaded.diagnostics == ()
    assert loaded.graph is not None
    assert loaded.graph.name == "churn"


def test_the_reference_pipeline_runs_here_only_with_what_is_there_yet():
    here = load(str(REFERENCE), given=Given(), placement=Placement(("local",)))
    assert {found.message.partition(":")[0] for found in here.unsupported} == {
        "`schedule`",
        "`DB_URL`",
        "`cluster`",
    }
    overlay = str(REFERENCE.with_name("local.yaml"))
    changed = load(str(REFERENCE), given=Given(), placement=Placement(("local",)), overlays=(overlay,))
    assert (changed.diagnostics, changed.unsupported) == ((), ())


def test_everything_is_said_at_once_in_the_order_of_the_file(tmp_path):
    found = messages(
        tmp_path,
        """
params: {unused: 1}
steps:
  a: {run: "tasks:tkae", timeout: soon, inputs: {x: steps.b}}
  b: {run: "tasks:take", inputs: {x: steps.nope, y: 1}}
  c: {run: "tasks:take", needs: [c], inputs: {x: 1 +}, when: params.unusde}
""",
    )
    assert found == [
        "5:19 callable-not-found",
        "5:35 bad-duration",
        "6:38 unknown-step",
        "6:50 unknown-argument",
        "7:34 self-reference",
        "7:52 expression-syntax",
        "7:62 unknown-parameter",
    ]


def test_warnings_alone_still_give_a_graph(tmp_path):
    loaded = load_here(tmp_path, 'params: {n: 1}\nsteps:\n  a: {run: "tasks:nothing"}\n')
    assert [found.code for found in loaded.diagnostics] == ["unused-parameter"]
    assert loaded.ok
    assert loaded.graph is not None


def test_checking_needs_no_parameters_and_running_does(tmp_path):
    write(tmp_path)
    text = 'yamlflow: 1\nparams: {day: {type: date}}\nsteps:\n  a: {run: "tasks:take", inputs: {x: params.day}}\n'
    assert check_text(text, path=str(tmp_path / "p.yaml")).diagnostics == ()
    (tmp_path / "p.yaml").write_text(text)
    assert [found.code for found in load(str(tmp_path / "p.yaml")).diagnostics] == ["missing-parameter"]


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    loaded = check(str(tmp_path / "none.yaml"))
    assert [found.code for found in loaded.diagnostics] == ["unreadable-file"]
    assert not loaded.ok


def test_standard_input_is_a_file_of_the_working_directory(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = check("-", stdin=b'yamlflow: 1\nsteps:\n  a: {run: "tasks:nope"}\n')
    assert [(found.code, found.span.path) for found in loaded.diagnostics] == [("callable-not-found", "<stdin>")]


def test_a_mistake_in_a_used_file_is_shown_there_however_deep(tmp_path):
    write(
        tmp_path,
        middle_yaml="yamlflow: 1\nsteps:\n  in: {uses: ./deep/last.yaml}\n".replace("in:", "inner:"),
    )
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/last.yaml").write_text("yamlflow: 1\nsteps:\n  a: {run: 'nope.py:f'}\n")
    (found,) = findings(tmp_path, "steps: {a: {uses: ./middle.yaml}}\n")
    assert (Path(found.span.path), found.span.line) == (tmp_path / "deep/last.yaml", 3)
    loaded = load_here(tmp_path, "steps: {a: {uses: ./middle.yaml}}\n")
    assert "a: {run: 'nope.py:f'}" in render(found, loaded.source)


def test_code_beside_a_used_file_is_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/own.py").write_text("def f(): ...\n")
    (tmp_path / "sub/inner.yaml").write_text("yamlflow: 1\nsteps:\n  a: {run: 'own:f'}\n")
    graph = graph_of(tmp_path, "steps: {a: {uses: ./sub/inner.yaml}}\n")
    assert str(tmp_path / "sub") in graph.code_roots


def test_files_that_use_each_other_end(tmp_path):
    write(
        tmp_path,
        one_yaml="yamlflow: 1\nsteps:\n  a: {uses: ./two.yaml}\n",
        two_yaml="yamlflow: 1\nsteps:\n  a: {uses: ./one.yaml}\n  b: {uses: ./pipeline.yaml}\n",
    )
    found = findings(tmp_path, "steps: {a: {uses: ./one.yaml}}\n")
    assert [one.code for one in found] == ["uses-cycle", "uses-cycle"]
    assert found[0].message == "files use each other in a circle: pipeline.yaml → one.yaml → two.yaml → one.yaml"


@pytest.mark.parametrize(
    ("options", "code", "help_text"),
    [
        (Placement(("nope",)), "unknown-executor", "there are `box`, `local`"),
        (Placement(("bxo",)), "unknown-executor", "did you mean `box`?"),
        (Placement(("ffit=box",)), "unknown-step", "did you mean `fit`?"),
        (Placement(default="nope"), "unknown-executor", "there are `box`, `local`"),
    ],
)
def test_an_executor_or_step_that_is_not_there_is_said(tmp_path, options, code, help_text):
    text = 'executors: {box: {type: docker, image: i}}\nsteps: {fit: {run: "tasks:nothing"}}\n'
    (found,) = findings(tmp_path, text, placement=options)
    assert (found.code, found.help) == (code, help_text)


UNSUPPORTED = {
    'a: {run: "tasks:nothing", cache: true}': [],
    'a: {run: "tasks:nothing", cache: false}': [],
    'a: {run: "tasks:nothing", cluster: 2}': ["`cluster`"],
    'a: {run: "tasks:nothing", image: "x:1"}': ["`image`"],
    'a: {run: "tasks:nothing", requirements: [numpy]}': ["`requirements`"],
    'a: {run: "tasks:nothing", isolation: shared}': [],
    'a: {run: "tasks:nothing", isolation: process}': [],
    'a: {run: "tasks:nothing", foreach: [1], items_per_task: 5}': ["`items_per_task` has no effect on `local`"],
    'a: {run: "tasks:nothing", executor: far}': ["`far`"],
    'a: {run: "tasks:nothing", secrets: {A: "aws-sm:x#y"}}': ["`A`"],
    'a: {run: "tasks:nothing", secrets: {A: "env:B", C: "file:/run/x"}}': [],
    'a: {run: "tasks:nothing", resources: {cpu: 1, spot: true, shm: 1Gi}}': [
        "`spot` has no effect on `local`",
        "`shm` has no effect on `local`",
    ],
    'a: {run: "tasks:nothing"}\nstore: "s3://bucket/p"': ["`store`"],
    'a: {run: "tasks:nothing"}\nkeep: {runs: 5}': ["`keep`"],
    'a: {run: "tasks:nothing", executor: box, resources: {disk: 1Gi}}': ["`disk` has no effect on `docker`"],
    'a: {run: "tasks:nothing"}\non_exit: {notify: {slack: env:URL}}': ["`notify`"],
    'a: {run: "tasks:nothing"}\nschedule: {cron: "0 3 * * *"}': ["`schedule`"],
    'a: {deadline: 1h, steps: {b: {run: "tasks:nothing"}}}': ["`deadline`"],
}


@pytest.mark.parametrize(("step", "expected"), UNSUPPORTED.items(), ids=list(UNSUPPORTED))
def test_a_key_that_is_not_honoured_yet_stops_a_run_and_not_the_check(tmp_path, step, expected):
    profiles = "{box: {type: docker, image: i}, far: {type: batch, queue: q, image: i}}"
    text = f"executors: {profiles}\nsteps:\n  {step}\n"
    loaded = load_here(tmp_path, text)
    assert loaded.ok
    assert [found.message.partition(":")[0] for found in loaded.unsupported] == expected
    assert check_text("yamlflow: 1\n" + text, path=str(tmp_path / "p.yaml")).unsupported == ()


def test_a_step_that_is_moved_to_this_machine_is_not_stopped_by_what_it_needs_elsewhere(tmp_path):
    text = (
        "executors: {far: {type: batch, queue: q, image: i}}\n"
        'steps:\n  a: {run: "tasks:nothing", executor: far, image: "x:1", resources: {spot: true, shm: 1Gi}}\n'
    )
    assert [found.message.partition(":")[0] for found in load_here(tmp_path, text).unsupported] == ["`far`"]
    assert load_here(tmp_path, text, placement=Placement(("local",))).unsupported == ()


def test_import_roots_are_the_folder_its_src_the_project_and_its_src(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    folder = tmp_path / "flows" / "daily"
    (folder / "src").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    assert import_roots(folder) == (folder, folder / "src", tmp_path, tmp_path / "src")
    assert project_root(folder) == tmp_path
    shutil.rmtree(folder / "src")
    assert import_roots(folder) == (folder, tmp_path, tmp_path / "src")


WORDS = (
    "null",
    "[]",
    "{}",
    "3",
    "text",
    "${{ params.lr }}",
    "steps.clean",
    "each.region",
    "*x",
    "-1",
    "!x",
    "range(5)",
    "1h",
)


def _spoiled(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, rng.choice(lines))
            case 2:
                key, _, _ = lines[at].rpartition(":")
                lines[at] = f"{key}: {rng.choice(WORDS)}"
            case _:
                cut = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:cut] + rng.choice(("", ":", "{", "}", "'", " ")) + lines[at][cut + 1 :]
        lines = lines or [""]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_no_text_gives_an_exception(seed):
    rng = random.Random(seed)
    texts = [REFERENCE.read_text(), *(path.read_text() for path in sorted(RULES.glob("*.yaml")))]
    for _ in range(60):
        spoiled = _spoiled(rng, rng.choice(texts))
        loaded = check_text(spoiled, path=str(RULES / "spoiled.yaml"))
        for found in loaded.diagnostics:
            assert render(found, loaded.source)
