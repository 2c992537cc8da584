"""The whole way, from a file to values, with real processes: `yamlflow.run` and `yamlflow.load`."""

from __future__ import annotations

import textwrap

import pytest

import yamlflow
from yamlflow.engine.api import InvalidPipelineError

MODULE = """
import statistics
from pathlib import Path


class Model:  # only its own class can rebuild it
    def __init__(self, score):
        self.score = score
        self.secret = [0.0] * 2000

    def __reduce__(self):
        return (Model, (self.score,))


def prep(n: int = 3):
    return {"items": list(range(n)), "big": list(range(50_000)), "tag": "t" * 5000}


def fit(x: int, k: str = "a"):
    print("fitting", x, k)
    return {"score": x * 10 + len(k), "model": Model(x)}


def best(models, scores, keys: dict[str, float], size: int):
    return {"top": max(scores), "names": list(keys), "model": models[-1].score, "size": size}


def lines(words: list[str]) -> Path:
    path = Path("words.txt")
    import os
    path = Path(os.environ["YAMLFLOW_TASK_DIR"]) / "words.txt"
    path.write_text("\\n".join(words))
    return path


def broken(x):
    raise LookupError(f"no such key: {x}")


def nothing():
    raise __import__("yamlflow").Skip("no data")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes a pipeline beside the module and moves there."""
    (tmp_path / "m.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "pipeline.yaml").write_text("yamlflow: 1\nname: real\n" + textwrap.dedent(text))
        return tmp_path / "pipeline.yaml"

    return write


def test_a_pipeline_with_loops_groups_joins_and_a_command_runs(project):
    path = project("""
    params: {n: 3}
    steps:
      prep: {run: "m.py:prep", inputs: {n: params.n}}
      fit:
        foreach: {x: steps.prep.items, k: [a, bb]}
        run: m.py:fit
        inputs: {x: each.x, k: each.k}
      best:
        run: m.py:best
        inputs: {models: steps.fit.model, scores: steps.fit.score, keys: steps.fit.score, size: len(steps.prep.big)}
      words: {run: "m.py:lines", with: {words: [a, b]}}
      say:
        command: [sh, -c, "echo $0 $1; cat $2", "${{ inputs.top }}", "${{ params.n }}", "${{ inputs.file }}"]
        inputs: {top: steps.best.top, file: steps.words}
        outputs: {said: {stdout: text}}
    outputs: {top: steps.best.top, said: steps.say.said, many: "steps.prep.big[-1]"}
    """)
    result = yamlflow.run(path, {"n": 4})
    assert result.state == "succeeded", result.failures
    assert result.outputs == {"top": 32, "said": "32 4\na\nb", "many": 49_999}
    assert result["best"]["names"][:2] == ["x=0,k=a", "x=0,k=bb"]
    assert result["best"]["size"] == 50_000
    assert len(result["fit"]) == 8
    assert result["fit[x=2,k=a]"]["score"] == 21
    assert result["fit[x=2,k=a].model"].score == 2
    assert result["words"].read_text() == "a\nb"
    again = yamlflow.load("last")
    assert (again.run_id, again["best.top"]) == (result.run_id, 32)
    with pytest.raises(KeyError):
        again["nope"]


def test_what_needs_the_content_of_stored_values_is_asked_of_a_worker(project):
    path = project("""
    steps:
      prep: {run: "m.py:prep"}
      fit: {run: "m.py:fit", with: {x: 2}, foreach: {k: [a, b]}, inputs: {k: each.k}}
      guarded:
        when: max(steps.prep.big) == 49999 and succeeded(steps.prep)
        run: m.py:fit
        inputs: {x: "len(steps.prep.tag)"}
      never: {run: "m.py:fit", when: "steps.prep.big[0] > 0", with: {x: 1}}
      picked:
        foreach: {x: "steps.prep.big[:3]"}
        run: m.py:fit
        inputs: {x: each.x}
      g:
        steps:
          one: {run: "m.py:prep", with: {n: 1}}
        outputs: {last: "steps.one.big[-1]", count: len(steps.one.big)}
    outputs: {n: sum(steps.picked.score), last: steps.g.last}
    """)
    result = yamlflow.run(path)
    assert result.state == "succeeded", result.failures
    assert result.outputs == {"n": 33, "last": 49_999}
    assert result["g"] == {"last": 49_999, "count": 50_000}
    assert result["guarded.score"] == 50_001
    assert result.view.steps["never"].state == "skipped"


def test_a_failure_shows_the_users_own_words_and_the_rest_is_kept(project):
    path = project("""
    steps:
      a: {run: "m.py:fit", with: {x: 1}}
      b: {run: "m.py:broken", inputs: {x: steps.a.score}}
      c: {run: "m.py:nothing"}
      d: {run: "m.py:fit", needs: [b], with: {x: 1}}
    """)
    result = yamlflow.run(path, keep_going=True)
    assert result.state == "failed"
    (group,) = result.failures
    assert "no such key: 11" in group.first.failure.message
    assert "m.py" in group.first.failure.traceback
    states = {view.step.id: view.state.value for view in result.view.top()}
    assert states == {"a": "succeeded", "b": "failed", "c": "skipped", "d": "upstream_failed"}
    assert result["a.score"] == 11
    assert result["c"] is None  # skipped: None is its value
    with pytest.raises(KeyError, match="it is failed"):
        result["b"]


def test_a_file_beside_the_pipeline_is_passed_by_content(project, tmp_path):
    (tmp_path / "data.txt").write_text("hello")
    path = project("""
    steps:
      show:
        command: [cat, "${{ inputs.f }}", "${{ inputs.l }}"]
        inputs: {f: 'file("data.txt")', l: 'write_lines(["x", "y"])', h: 'hash(file("data.txt"))'}
        outputs: {said: {stdout: text}}
    outputs: {said: steps.show.said}
    """)
    result = yamlflow.run(path)
    assert result.state == "succeeded", result.failures
    assert result.outputs == {"said": "hellox\ny"}
    assert (tmp_path / "data.txt").read_text() == "hello"


def test_a_file_with_errors_is_refused_with_all_of_them(project):
    path = project("""
    steps:
      a: {run: "m.py:fit", inputs: {x: steps.nope}, wiht: {x: 1}}
    """)
    with pytest.raises(InvalidPipelineError) as refused:
        yamlflow.run(path)
    assert "pipeline.yaml:" in refused.value.message
    assert len(refused.value.diagnostics) >= 2
    assert not path.with_name(".yamlflow").exists()
