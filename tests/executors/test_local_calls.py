"""What a task is given, and what it may do and return, on real processes."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from yamlflow.core.values import decode
from yamlflow.worker.codecs import load_value


def test_a_plain_function_is_called_with_its_inputs(workshop):
    workshop.write("work.py", "def add(a, b=10): return a + b")
    assert workshop.value("work.py:add", inputs={"a": 1, "b": 2}) == 3
    assert workshop.value("work:add", inputs={"a": 1}) == 11


def test_a_function_of_the_standard_library_is_a_step(workshop):
    assert workshop.value("statistics:mean", inputs={"data": [1, 2, 6]}) == 3


def test_a_function_in_c_without_keywords_gets_its_arguments_by_place(workshop):
    assert workshop.value("math:hypot", inputs={"x": 3, "y": 4}) == 5.0
    assert workshop.value("builtins:len", inputs={"obj": [1, 2]}) == 2


def test_a_method_of_a_class_and_a_callable_object_are_callables(workshop):
    workshop.write(
        "work.py",
        """
        class Model:
            def __call__(self, x: float): return x * 2
            @staticmethod
            def fit(x): return x + 1
        model = Model()
        """,
    )
    assert workshop.value("work:Model.fit", inputs={"x": 1}) == 2
    value = workshop.value("work:model", inputs={"x": 3})
    assert (value, type(value)) == (6.0, float)


def test_a_file_in_a_subfolder_finds_its_neighbours(workshop):
    workshop.write("sub/near.py", "WORD = 'near'")
    workshop.write("sub/train.py", "import near\ndef word(): return near.WORD, __name__")
    assert workshop.value("sub/train.py:word") == ("near", "sub.train")


def test_a_file_may_have_the_name_of_a_standard_module(workshop):
    workshop.write("json.py", "def mine(): return 'mine'")
    assert workshop.value("json.py:mine") == "mine"


def test_what_a_module_prints_while_it_is_imported_is_in_the_first_log(workshop):
    workshop.write("work.py", "print('importing')\ndef f(): print('called')")
    job = workshop.job("work:f")
    workshop.run(job)
    assert workshop.log(job) == "importing\ncalled\n"


def test_a_module_is_imported_once_for_all_tasks_of_its_step(workshop, forks):
    workshop.write("work.py", "import os\nHOME = os.getpid()\ndef f(): return HOME, os.getpid()")
    homes, own = zip(*(workshop.value("work:f") for _ in range(3)), strict=True)
    assert len(set(own)) == 3
    assert (len(set(homes)), len({*own, *homes})) == ((1, 4) if forks else (3, 3))


def test_a_callable_starts_in_the_code_root_and_has_a_scratch_folder(workshop):
    workshop.write(
        "work.py",
        """
        import os, tempfile
        def places():
            scratch = os.environ["YAMLFLOW_TASK_DIR"]
            return os.getcwd(), scratch, tempfile.gettempdir(), os.listdir(scratch)
        """,
    )
    job = workshop.job("work:places")
    assert workshop.value(job) == (str(workshop.code), job.scratch, job.scratch, [])
    assert not Path(job.scratch).exists()


def test_a_task_gets_an_empty_log_and_folder_whatever_the_one_before_it_did(workshop):
    workshop.write(
        "work.py",
        """
        import os
        def quiet(): return os.listdir(os.environ["YAMLFLOW_TASK_DIR"])
        def loud():
            print("here")
            return quiet()
        def messy():
            open(os.environ["YAMLFLOW_TASK_DIR"] + "/file", "w").close()
            return []
        """,
    )
    names = ("quiet", "loud", "quiet", "messy", "quiet", "loud")
    jobs = [workshop.job(f"work:{name}") for name in names]
    assert [workshop.value(job) for job in jobs] == [[]] * len(jobs)
    assert [workshop.log(job) for job in jobs] == ["here\n" if name == "loud" else "" for name in names]
    assert [job for job in jobs if Path(job.scratch).exists()] == []


def test_a_log_is_nobody_elses_while_a_tasks_child_could_write_to_it(workshop):
    workshop.write(
        "work.py",
        """
        import subprocess
        def leaves(): subprocess.Popen(["sh", "-c", "sleep 1; echo theirs"], start_new_session=True)
        def loud(): print("mine")
        """,
    )
    jobs = [workshop.job(f"work:{name}") for name in ("leaves", "loud")]
    for job in jobs:
        workshop.value(job)
    time.sleep(1.5)  # the child would have spoken by now
    assert workshop.log(jobs[1]) == "mine\n"


def test_the_scratch_folder_of_a_failed_task_stays_when_something_is_in_it(workshop):
    workshop.write(
        "work.py", "import os\ndef f():\n open(os.environ['TMPDIR'] + '/half', 'w').close()\n raise ValueError"
    )
    job = workshop.job("work:f")
    workshop.fails(job)
    assert [path.name for path in Path(job.scratch).iterdir()] == ["half"]


def test_a_context_is_given_to_who_asks_for_one(workshop):
    workshop.write(
        "work.py",
        """
        from __future__ import annotations
        import yamlflow
        def f(x, ctx: yamlflow.Context, other: yamlflow.Context | None = None):
            ctx.log.info("hello")
            ctx.metric("auc", 0.9)
            (ctx.tmp / "a").touch()
            return {"id": ctx.run_id, "step": ctx.step, "each": ctx.each, "attempt": ctx.attempt, "seed": ctx.seed,
                    "params": ctx.params, "rank": ctx.node_rank, "nodes": ctx.num_nodes, "same": ctx is other, "x": x}
        """,
    )
    job = workshop.job("work:f", inputs={"x": 1}, each={"model": "mlp"}, params={"lr": 0.5}, attempt=2, seed=7)
    outcome = workshop.run(job)
    assert outcome.value == {
        "id": "run",
        "step": "step",
        "each": {"model": "mlp"},
        "attempt": 2,
        "seed": 7,
        "params": {"lr": 0.5},
        "rank": 0,
        "nodes": 1,
        "same": True,
        "x": 1,
    }
    assert outcome.metrics == {"auc": 0.9}
    assert "INFO hello" in workshop.log(job)


def test_a_coroutine_function_is_awaited(workshop):
    workshop.write("work.py", "import asyncio\nasync def f(x):\n await asyncio.sleep(0)\n return x")
    assert workshop.value("work:f", inputs={"x": 5}) == 5


def test_a_generator_is_refused_with_the_way_out(workshop):
    workshop.write("work.py", "def f():\n yield 1")
    assert "return a list" in workshop.fails("work:f").message


def test_named_outputs_are_the_fields_of_a_tuple(workshop):
    workshop.write("work.py", "def f(): return 1, 'x'\ndef g(pair): return type(pair).__name__, pair")
    target = {"kind": "python", "callable": "work:f", "outputs": ["a", "b"]}
    outcome = workshop.run(target)
    assert decode(outcome.value).fields == {"a": 1, "b": "x"}
    whole = workshop.run(dataclasses.replace(workshop.job("work:g"), inputs={"pair": outcome.value}))
    assert whole.value == {"$tuple": ["tuple", {"$tuple": [1, "x"]}]}
    wrong = workshop.fails({"kind": "python", "callable": "work:f", "outputs": ["a", "b", "c"]})
    assert wrong.message == "`outputs` names a tuple of 3 (a, b, c); got a tuple of 2"


def test_one_thing_leads_to_the_next_through_the_store(workshop):
    workshop.write(
        "work.py",
        """
        from pathlib import Path
        from dataclasses import dataclass
        import os
        @dataclass
        class Result:
            path: Path
            score: float
        def make():
            path = Path(os.environ["TMPDIR"], "model.bin")
            path.write_bytes(b"weights")
            return Result(path, 0.5)
        def use(result: Result, model: Path):
            return type(result).__name__, result.path.name, model.read_bytes(), result.path == model
        """,
    )
    made = workshop.run("work:make").value
    _, _, fields = made["$object"]
    job = workshop.job("work:use")
    outcome = workshop.run(dataclasses.replace(job, inputs={"result": made, "model": fields["path"]}))
    assert outcome.state == "succeeded", outcome
    assert load_value(outcome.value, workshop.store) == ("Result", "model.bin", b"weights", True)


def test_large_inputs_and_large_failures_travel_through_files(workshop):
    workshop.write("work.py", "def f(x): return len(x)\ndef g(x): raise ValueError('y' * 100_000)")
    assert workshop.value("work:f", inputs={"x": "é" * 200_000}) == 200_000
    failure = workshop.fails("work:g", inputs={"x": 1})
    assert 16_000 < len(failure.message) < 17_000
    assert workshop.left() == []


def test_an_expression_over_stored_values_is_evaluated_where_the_task_runs(workshop):
    workshop.write("work.py", "def make(): return {'scores': list(range(3000))}\ndef take(best): return best")
    made = workshop.run("work:make").value
    assert "$artifact" in made["scores"]
    text = "max(inputs.r0.scores) + 1"
    job = workshop.job("work:take")
    document = {"$expr": {"text": text, "roots": {"inputs": {"r0": made}}}}
    assert workshop.value(dataclasses.replace(job, inputs={"best": document})) == 3000
    nested = {"cfg": [document, {"deep": document}]}
    again = workshop.job("work:take")
    assert workshop.value(dataclasses.replace(again, inputs={"best": nested})) == {"cfg": [3000, {"deep": 3000}]}


def test_a_wrong_expression_fails_in_its_own_words(workshop):
    workshop.write("work.py", "def take(x): return x")
    job = workshop.job("work:take")
    document = {"$expr": {"text": "inputs.r0.nope", "roots": {"inputs": {"r0": {"a": 1}}}}}
    failure = workshop.fails(dataclasses.replace(job, inputs={"x": document}))
    assert "nope" in failure.message
    assert failure.traceback == ""


def test_random_sequences_follow_the_seed_however_late_the_module_is_imported(workshop):
    pytest.importorskip("numpy")
    workshop.write("early.py", "import random, numpy\ndef f(): return random.random(), float(numpy.random.random())")
    workshop.write("late.py", "def f():\n import random, numpy\n return random.random(), float(numpy.random.random())")
    early = [workshop.value("early:f", seed=seed) for seed in (1, 1, 2)]
    late = [workshop.value("late:f", seed=seed) for seed in (1, 2)]
    assert early == [late[0], late[0], late[1]]
    assert early[0] != early[2]
