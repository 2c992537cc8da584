"""Cache: what was made of the same things is not made again, and every run says why."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

TASKS = """
    RATE = 10
    def scale(x):
        return x * RATE
    def prep(n):
        note("prep", n)
        return list(range(n))
    def fit(x, lr=1):
        note("fit", x, lr)
        return scale(x) * lr
    def total(xs):
        note("total")
        return sum(xs)
    def unrelated():
        return 1
    def fragile(x):
        note("fragile", x)
        if not (HERE / "fixed").exists():
            raise ValueError("not yet")
        return x
    def skipping():
        import yamlflow
        note("skipping")
        raise yamlflow.Skip("no data")
    def size(table: Path):
        note("size")
        return len(table.read_text())
    def draw():
        note("draw")
        return __import__("os").urandom(4).hex()
    def wait():
        note("wait")
        wait_for("go")
        return 1
"""
PIPELINE = """
    params: {n: 3, lr: 1}
    defaults: {cache: true}
    steps:
      prep: {run: "tasks:prep", inputs: {n: params.n}}
      fit: {foreach: {x: steps.prep}, run: "tasks:fit", inputs: {x: each.x, lr: params.lr}}
      total: {run: "tasks:total", inputs: {xs: steps.fit}}
    outputs: {total: steps.total}
"""
ALL = ["fit 0 1", "fit 1 1", "fit 2 1", "prep 3", "total"]


def one(step: str, more: str = "") -> str:
    return f'steps: {{one: {{run: "tasks:{step}", cache: true{more}}}}}\noutputs: {{one: steps.one}}'


def edit(story, old: str, new: str, file: str = "tasks.py") -> None:
    text = (story.folder / file).read_text()
    assert old in text
    story.write(file, text.replace(old, new))


def test_off_is_what_one_gets_twice(project):
    story = project('steps: {one: {run: "tasks:draw", cache: false}, two: {run: "tasks:draw"}}', TASKS)
    story.run()
    story.run()
    assert story.ledger == ["draw"] * 4


def test_a_second_run_runs_nothing_and_gives_the_same(project):
    story = project(PIPELINE, TASKS)
    first = story.run()
    again = story.run()
    assert again.outputs == first.outputs == {"total": 30}
    assert sorted(story.ledger) == ALL
    assert again.counts("fit") == {"cached": 3}
    assert again.state("total") == "cached"
    assert "fit: 3 results from the cache" in again.err


def test_a_changed_parameter_runs_what_reads_it_and_says_so(project):
    story = project(PIPELINE, TASKS)
    story.run()
    ran = story.run("-p", "lr=2")
    assert ran.counts("prep") == {"cached": 1}
    assert ran.outputs == {"total": 60}
    assert "fit runs: inputs.lr 1 -> 2" in ran.err
    assert "prep runs" not in ran.err


def test_new_items_run_and_old_ones_do_not(project):
    story = project(PIPELINE, TASKS)
    story.run()
    ran = story.run("-p", "n=5")
    assert ran.counts("fit") == {"cached": 3, "succeeded": 2}
    assert "prep runs: inputs.n 3 -> 5" in ran.err
    assert "fit runs: no result in the cache" in ran.err


def test_a_changed_function_runs_again_and_so_does_what_it_makes_new(project):
    story = project(PIPELINE, TASKS)
    story.run()
    edit(story, "return x * RATE", "return x * RATE + 1")
    ran = story.run()
    assert "fit runs: tasks.py: scale() changed" in ran.err
    assert ran.counts("prep") == {"cached": 1}
    assert ran.outputs == {"total": 33}


def test_code_that_a_step_does_not_use_and_comments_change_nothing(project):
    story = project(PIPELINE, TASKS)
    story.run()
    edit(story, "def unrelated():\n    return 1", "def unrelated():\n    return 2")
    edit(story, "def fit(x, lr=1):", "def fit(x,   lr=1):  # better")
    assert story.run().counts("fit") == {"cached": 3}


def test_a_module_that_is_imported_counts_too(project):
    story = project(
        one("use"), "import lib\ndef use():\n    note('use')\n    return lib.deep.value()", lib__py="import deep"
    )
    story.write("deep.py", "def value():\n    return 1\n")
    story.run()
    story.write("deep.py", "def value():\n    return 2\n")
    ran = story.run()
    assert ran.outputs == {"one": 2}
    assert "one runs: deep.py: value() changed" in ran.err


def test_the_version_and_declared_variables_count(project):
    story = project(one("draw", ", env: {MODE: a}"), TASKS)
    story.run()
    edit(story, "MODE: a", "MODE: b", "pipeline.yaml")
    assert 'one runs: env.MODE "a" -> "b"' in story.run().err
    edit(story, "cache: true", "cache: {version: 2}", "pipeline.yaml")
    assert 'one runs: version is new: "2"' in story.run().err
    assert story.run().state("one") == "cached"


def test_a_file_counts_by_what_it_holds(project):
    story = project(one("size", ", with: {table: data.csv}"), TASKS)
    story.write("data.csv", "abc")
    assert story.run().outputs == {"one": 3}
    story.write("data.csv", "abc")  # again: another time, the same content
    assert story.run().state("one") == "cached"
    story.write("data.csv", "abcd")
    ran = story.run()
    assert ran.outputs == {"one": 4}
    assert "one runs: with.table changed" in ran.err


def test_a_path_parameter_and_a_file_of_an_expression_count_by_what_they_hold(project):
    story = project(
        """
        params: {table: {type: path, default: data.csv}}
        steps:
          a: {run: "tasks:size", inputs: {table: params.table}, cache: true}
          b: {run: "tasks:size", inputs: {table: 'file("data.csv")'}, cache: true}
        """,
        TASKS,
    )
    story.write("data.csv", "abc")
    story.run()
    assert [story.run().state(step) for step in "ab"] == ["cached"] * 2
    story.write("data.csv", "abcd")
    ran = story.run()
    assert [ran.state(step) for step in "ab"] == ["succeeded"] * 2


def test_a_key_counts_in_place_of_inputs(project):
    story = project(
        """
        params: {day: 1, noise: 1}
        steps:
          one:
            run: "tasks:fit"
            inputs: {x: params.day, lr: params.noise}
            cache: {key: [inputs.x]}
        """,
        TASKS,
    )
    story.run()
    assert story.run("-p", "noise=7").state("one") == "cached"
    ran = story.run("-p", "day=2")
    assert "one runs: key inputs.x 1 -> 2" in ran.err
    assert story.ledger == ["fit 1 1", "fit 2 1"]


def test_a_ttl_ends(project):
    story = project(one("draw", "").replace("cache: true", "cache: {ttl: 1s}"), TASKS)
    story.run()
    end = time.monotonic() + 60
    while "expired (ttl 1s)" not in (ran := story.run()).err:
        assert ran.state("one") == "cached"
        assert time.monotonic() < end
        time.sleep(0.2)
    assert story.ledger == ["draw", "draw"]


def test_refresh_runs_a_step_again_and_keeps_the_new_result(project):
    story = project(one("draw", ""), TASKS)
    first = story.run()
    ran = story.run("--refresh", "one")
    assert "one runs: refreshed" in ran.err
    assert ran.outputs != first.outputs
    assert story.run().outputs == ran.outputs


def test_no_cache_neither_reads_nor_writes(project):
    story = project(one("draw", ""), TASKS)
    story.run("--no-cache")
    first = story.run()
    assert story.run("--no-cache").outputs != first.outputs
    assert story.run().outputs == first.outputs
    assert story.ledger == ["draw"] * 3


def test_an_unknown_step_cannot_be_refreshed(project):
    said = project(one("draw", ""), TASKS).refused("--refresh", "nobody")
    assert "--refresh nobody: this run has no such step" in said


def test_what_was_caught_or_skipped_is_never_kept(project):
    story = project(
        """
        defaults: {cache: {version: 1}}
        steps:
          fragile: {run: "tasks:fragile", with: {x: 1}, catch: {set: 0}}
          skipping: {run: "tasks:skipping"}
        """,
        TASKS,
    )
    assert story.run().state("fragile") == "caught"
    story.touch("fixed")
    assert story.run().state("fragile") == "succeeded"
    assert story.run().state("fragile") == "cached"
    assert story.ledger.count("skipping") == 3


def test_hooks_are_never_cached(project):
    story = project(one("draw", "") + '\non_exit: {bye: {run: "tasks:total", with: {xs: [1]}, cache: true}}\n', TASKS)
    story.run()
    story.run()
    assert story.ledger == ["draw", "total", "total"]


def test_two_steps_of_the_same_callable_have_a_result_each(project):
    story = project(
        'defaults: {cache: true}\nsteps: {a: {run: "tasks:draw"}, b: {run: "tasks:draw"}}\noutputs: {a: steps.a, b: steps.b}',
        TASKS,
    )
    first = story.run().outputs
    assert first["a"] != first["b"]
    assert story.run().outputs == first


def test_a_result_that_is_gone_from_the_store_is_made_again(project):
    story = project(one("big", ""), TASKS + "\n    def big():\n        note('big')\n        return 'x' * 9000\n")
    story.run()
    for path in (story.folder / ".yamlflow/store/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    ran = story.run()
    assert "one runs: what it made is no longer in the store" in ran.err
    assert story.ledger == ["big", "big"]


def test_a_secret_parameter_neither_counts_nor_shows(project):
    story = project(
        """
        params: {token: {type: str, secret: true, default: none}, lr: 1}
        steps:
          one: {run: "tasks:fit", inputs: {x: params.token, lr: params.lr}, cache: true}
          two: {uses: ./sub.yaml, inputs: {key: params.token}}
        """,
        TASKS.replace("return scale(x) * lr", "return lr").replace('"fit", x, lr', '"fit", lr'),
        sub__yaml="""
        yamlflow: 1
        params: {key: {type: str}}
        steps: {deep: {run: "tasks:fit", inputs: {x: params.key}, env: {K: "${{ params.key }}"}, cache: true}}
        """,
    )
    story.run("-p", "token=hush-canary")
    assert story.run("-p", "token=other-canary").state("one") == "cached"
    assert "canary" not in story.run("-p", "token=third-canary", "-p", "lr=2").err
    held = b"".join(path.read_bytes() for path in (story.folder / ".yamlflow").glob("state.db*"))
    assert b"canary" not in held


def test_code_that_is_edited_during_a_run_is_said_and_its_results_are_not_kept(project):
    story = project(one("wait", ""), TASKS)
    run = story.start()
    story.until_noted("wait")
    edit(story, 'note("wait")', 'note("waited")')
    story.touch("go")
    ran = story.finish(run)
    assert "one was edited while it ran (tasks.py: wait() changed)" in ran.err
    assert story.run().state("one") == "succeeded"
    assert story.run().state("one") == "cached"
    assert story.ledger == ["wait", "waited"]


def test_a_resumed_run_uses_the_cache_for_what_it_lacks(project):
    story = project(
        """
        defaults: {cache: {version: 1}}
        steps:
          one: {run: "tasks:draw"}
          two: {run: "tasks:fragile", inputs: {x: steps.one}}
        outputs: {two: steps.two}
        """,
        TASKS,
    )
    story.run(code=1)
    story.touch("fixed")
    second = story.run()
    assert second.state("one") == "cached"
    again = story.call("resume", "--json")
    assert again.state("two") == "cached" or again.outputs == second.outputs
    assert story.ledger.count("draw") == 1


@pytest.mark.parametrize("value", ["true", "{ttl: 1d}", "{version: 2}"])
def test_every_form_of_a_cache_is_kept(project, value):
    story = project(one("draw", "").replace("cache: true", f"cache: {value}"), TASKS)
    story.run()
    assert story.run().state("one") == "cached"
    assert story.ledger == ["draw"]


def test_a_cached_step_feeds_a_loop_item_by_item(project):
    story = project(PIPELINE.replace("defaults: {cache: true}", ""), TASKS)
    edit(story, "inputs: {n: params.n}", "inputs: {n: params.n}, cache: true", "pipeline.yaml")
    story.run()
    ran = story.run()
    assert ran.counts("prep") == {"cached": 1}
    assert ran.counts("fit") == {"succeeded": 3}
    assert ran.outputs == {"total": 30}


def test_events_say_why_as_json_too(project):
    story = project(one("draw", ""), TASKS)
    ran = story.call("run", "--progress", "json")
    reasons = [json.loads(line).get("reason") for line in ran.err.splitlines() if "CacheMissed" in line]
    assert reasons == ["no result in the cache"]


def planned(story, *words: str) -> dict:
    ran = story.call("plan", "--json", *words)
    assert ran.code == 0, ran.err
    return {step["id"]: step["cache"] for step in json.loads(ran.out)["steps"]}


def test_a_plan_says_what_is_cached_and_why_the_rest_would_run(project):
    story = project(PIPELINE, TASKS)
    assert planned(story)["prep"] == {"cached": 0, "runs": 1, "why": "no result in the cache", "after": []}
    assert planned(story)["fit"] == {"cached": 0, "runs": 0, "why": None, "after": ["prep"]}
    assert not (story.folder / ".yamlflow").exists()
    story.run()
    before = story.ledger
    assert [fate["cached"] for fate in planned(story).values()] == [1, 3, 1]
    changed = planned(story, "-p", "lr=2")
    assert changed["fit"] == {"cached": 0, "runs": 3, "why": "inputs.lr 1 -> 2", "after": []}
    assert changed["total"]["after"] == ["fit"]
    assert story.ledger == before


def test_a_plan_in_words_names_the_reason(project):
    story = project(PIPELINE, TASKS)
    story.run()
    edit(story, "return sum(xs)", "return sum(xs) + 1")
    said = story.call("plan").out
    assert "5 tasks, 4 from the cache" in said
    assert "[cached]" in said
    assert "[3 cached]" in said
    assert "[runs: tasks.py: total() changed]" in said
    assert "[runs: refreshed]" in story.call("run", "--dry-run", "--refresh", "prep").out
    assert "cached" not in story.call("plan", "--no-cache").out


def test_the_cache_can_be_listed_and_explained_and_forgotten(project):
    story = project(PIPELINE, TASKS)
    story.run()
    listed = json.loads(story.call("cache", "list", "--json").out)["results"]
    assert {row["task"] for row in listed} == {"prep", "fit[0]", "fit[1]", "fit[2]", "total"}
    assert "fit[1]" in story.call("cache", "list", "f*").out
    story.run("-p", "lr=2")
    said = story.call("cache", "why", "fit").out
    assert "0 of 3 tasks from the cache" in said
    assert "3 tasks ran: inputs.lr 1 -> 2" in said
    assert "1 of 1 task from the cache" in story.call("cache", "why", "last", "prep").out
    assert story.call("cache", "clear", "fit").out == "6 results forgotten\n"
    assert story.run().counts("fit") == {"succeeded": 3}
    assert story.call("cache", "clear").out.endswith("results forgotten\n")
    assert story.run().counts("prep") == {"succeeded": 1}


def test_what_the_cache_does_not_know_is_said(project):
    story = project(one("draw", ""), TASKS)
    assert story.call("cache", "list").code == 2
    story.run()
    assert "no result of nobody" in story.call("cache", "clear", "nobody").err
    listed = story.call("cache", "list", "nobody")
    assert (listed.code, listed.out, "no result of nobody" in listed.err) == (2, "", True)
    assert "has no step nobody" in story.call("cache", "why", "last", "nobody").err
    assert story.call("cache", "why").code == 2


COMMAND = """
    params: {name: a.txt}
    steps:
      count:
        command: [python, count.py, "${{ inputs.name }}"]
        inputs: {name: params.name}
        outputs: {n: {stdout: json}}
        cache: true
    outputs: {n: steps.count.n}
"""


def test_a_command_counts_its_words_its_code_and_the_files_it_names(project):
    story = project(COMMAND, count__py="import sys, tool\nprint(tool.size(sys.argv[1]))")
    story.write("tool.py", "def size(name): return len(open(name).read())\n")
    story.write("a.txt", "aaa")
    story.write("b.txt", "bb")
    story.write(".gitignore", "*.txt\n.yamlflow\n")
    subprocess.run(["git", "init", "-q"], cwd=story.folder, check=True)
    assert story.run().outputs == {"n": 3}
    assert story.run().state("count") == "cached"
    story.write("a.txt", "aaaa")
    ran = story.run()
    assert (ran.outputs, "count runs: file a.txt changed" in ran.err) == ({"n": 4}, True)
    ran = story.run("-p", "name=b.txt")
    assert ran.outputs == {"n": 2}
    story.write("tool.py", "def size(name): return 7\n")
    ran = story.run()
    assert (ran.outputs, "count runs: tool.py changed" in ran.err) == ({"n": 7}, True)


def test_a_file_that_a_command_names_is_named_once_in_a_reason(project):
    story = project(COMMAND, count__py="import sys\nprint(len(open(sys.argv[1]).read()))")
    story.write("a.txt", "aaa")
    story.run()
    story.write("a.txt", "aaaa")
    assert "count runs: file a.txt changed\n" in story.run().err


def test_a_script_counts_by_its_text(project):
    story = project(
        'steps: {one: {sh: "echo 1", outputs: {n: {stdout: json}}, cache: true}}\noutputs: {n: steps.one.n}'
    )
    story.run()
    assert story.run().state("one") == "cached"
    edit(story, "echo 1", "echo 2", "pipeline.yaml")
    ran = story.run()
    assert (ran.outputs, "one runs: sh changed" in ran.err) == ({"n": 2}, True)


def test_a_blind_source_is_warned_of_and_runs(project):
    story = project(one("draw", ""), TASKS)
    said = story.call("validate", "pipeline.yaml")
    assert said.code == 0
    assert "warning[cache-blind-source]" in said.err + said.out


def test_a_bad_key_fails_its_task_with_the_expression(project):
    story = project(one("draw", "").replace("cache: true", "cache: {key: ['[1][run.attempt]']}"), TASKS)
    ran = story.run(code=1)
    assert "cache.key" in ran.failures[0]["message"]


def test_a_value_too_large_to_open_counts_by_its_digest_in_a_key(project):
    story = project(
        """
        steps:
          big: {run: "tasks:big", cache: true}
          use: {run: "tasks:use", inputs: {x: steps.big}, cache: {key: ["len(inputs.x)"]}}
        outputs: {n: steps.use}
        """,
        TASKS
        + "\n    def big():\n        return 'x' * 3_000_000\n    def use(x):\n        note('use')\n        return len(x)\n",
    )
    story.run()
    assert story.run().outputs == {"n": 3_000_000}
    assert story.ledger == ["use"]


def test_a_task_is_compared_with_the_nearest_of_its_earlier_results(project):
    story = project(PIPELINE, TASKS)
    story.run()
    story.run("-p", "lr=2")
    edit(story, "return x * RATE", "return x * RATE + 1")
    assert "fit runs: tasks.py: scale() changed\n" in story.run().err


def test_every_item_of_a_loop_has_a_result_of_its_own_even_if_it_reads_nothing(project):
    story = project(
        """
        steps: {one: {foreach: {i: [1, 2, 3]}, run: "tasks:draw", cache: true}}
        outputs: {one: steps.one}
        """,
        TASKS,
    )
    first = story.run().outputs
    assert len(set(first["one"])) == 3
    assert story.run().outputs == first


def test_a_reason_is_said_once_however_many_look_ups_it_takes(project):
    story = project(
        """
        steps:
          a: {foreach: {i: [1, 2, 3]}, run: "tasks:fit", inputs: {x: each.i}}
          b: {foreach: {x: steps.a}, run: "tasks:fit", inputs: {x: each.x}, cache: true}
        """,
        TASKS,
    )
    assert story.run().err.count("b runs: no result in the cache") == 1


def test_steps_in_groups_rounds_and_used_files_are_cached_too(project):
    story = project(
        """
        params: {lr: 1}
        defaults: {cache: true}
        steps:
          by:
            foreach: {r: [1, 2]}
            steps: {fit: {run: "tasks:fit", inputs: {x: each.r, lr: params.lr}}}
            outputs: {fit: steps.fit}
          again:
            repeat: {start: {x: "5"}, until: "steps.fit > 1000", max: 4}
            steps: {fit: {run: "tasks:fit", inputs: {x: each.x}}}
            outputs: {x: steps.fit}
          sub: {uses: ./sub.yaml, inputs: {n: params.lr}}
        outputs: {by: steps.by.fit, again: steps.again.x, sub: steps.sub.total}
        """,
        TASKS,
        sub__yaml="""
        yamlflow: 1
        params: {n: 1}
        steps: {prep: {run: "tasks:prep", inputs: {n: params.n}, cache: true}}
        outputs: {total: steps.prep}
        """,
    )
    first = story.run()
    before = story.ledger
    again = story.run()
    assert again.outputs == first.outputs == {"by": [10, 20], "again": 5000, "sub": [0]}
    assert story.ledger == before
    fates = planned(story, "-p", "lr=2")
    assert [fates[step]["runs"] for step in ("by.fit", "again.fit", "sub.prep")] == [2, 0, 1]
    assert "sub.prep runs: inputs.n 1 -> 2" in story.run("-p", "lr=2").err


def test_what_a_killed_run_had_made_is_there_for_the_next_one(project):
    story = project(
        """
        defaults: {cache: {version: 1}}
        steps:
          one: {run: "tasks:draw"}
          two: {run: "tasks:wait", needs: [one]}
        outputs: {one: steps.one, two: steps.two}
        """,
        TASKS,
    )
    run = story.start()
    story.until_noted("wait")
    run.kill()
    run.communicate()
    story.touch("go")
    ran = story.run()
    assert (ran.state("one"), ran.state("two")) == ("cached", "succeeded")
    killed = json.loads(story.call("runs", "list", "--json").out)["runs"][1]["run_id"]
    assert story.call("resume", killed, "--json").outputs == ran.outputs, "what it lacks is in the cache by now"
    assert story.ledger == ["draw", "wait", "wait"]
