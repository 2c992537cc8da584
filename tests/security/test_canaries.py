"""Secrets planted in every way a task can leak them, then looked for in everything that is kept or shown.

The values are chosen to be hard to find again: many lines, quotes and markup,
Base64 of itself, letters beyond ASCII, cut in two by separate writes.
"""

from __future__ import annotations

import base64
import html
import json
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.stories.projects import Ran

CANARIES = {
    "PLAIN": "canary-plain-7f3a9c21",
    "LINES": "-----BEGIN KEY-----\ncanaryFirstLine8812\ncanarySecondLine4471\n-----END KEY-----",
    "BASED": "Y2FuYXJ5LWJhc2VkLTU1MTI=/+x",
    "LETTERS": "kanárek-žlutý-ü-9914",
    "QUOTED": "canary'quo\"ted<&>\\slash 3307",
    "SHORT": "cny42",
}

TASKS = """
    import base64, html, json, os, shlex, subprocess, sys, urllib.parse
    import yamlflow

    NAMES = ["PLAIN", "LINES", "BASED", "LETTERS", "QUOTED", "SHORT"]

    def leak(ctx: yamlflow.Context):
        for name in NAMES:
            value = os.environ[name]
            print(name, value, repr(value), json.dumps(value), html.escape(value), shlex.quote(value))
            print(urllib.parse.quote(value), urllib.parse.quote_plus(value), file=sys.stderr)
            for shift in range(3):
                raw = b"?" * shift + value.encode() + b"!"
                print(base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode())
            middle = len(value.encode()) // 2
            sys.stdout.flush()
            os.write(1, value.encode()[:middle])
            os.write(1, value.encode()[middle:])
            os.write(1, b"\\n")
            ctx.progress(0.5, f"working with {value}")
            ctx.log.info(f"logged {value}")
        subprocess.run([sys.executable, "-c", "import os; print('child', os.environ['PLAIN'])"], check=True)
        return len(NAMES)

    def skip():
        raise yamlflow.Skip(f"no data behind {os.environ['PLAIN']}")

    def fail():
        secret = os.environ["LINES"]
        raise ValueError(f"cannot reach {os.environ['PLAIN']} with {secret}")

    def crash():
        print(os.environ["PLAIN"], flush=True)
        os.abort()

    def fresh():
        import threading
        print("again", os.environ["PLAIN"])
"""
PIPELINE = """
    defaults: {secrets: [PLAIN, LINES, BASED, LETTERS, QUOTED, SHORT]}
    steps:
      leak: {run: "tasks:leak"}
      skip: {run: "tasks:skip"}
      each: {foreach: {n: [1, 2]}, run: "tasks:fresh"}
      shell: {sh: 'echo "sh says $PLAIN"; printf "%s" "$LETTERS"; echo "$QUOTED" >&2'}
      fail: {run: "tasks:fail", catch: {set: 0}}
      crash: {run: "tasks:crash", retry: {attempts: 2}}
    on_exit:
      last: {run: "tasks:fresh"}
"""


def dresses(value: str) -> set[bytes]:
    """How a value may look in what is kept; whole lines of it count."""
    found: set[bytes] = set()
    for text in {value, *value.splitlines()}:
        if len(text) < 5 or text.startswith("-----"):
            continue
        plain = {text, quote(text, safe=""), json.dumps(text)[1:-1], repr(text)[1:-1], html.escape(text)}
        found |= {each.encode() for each in plain} | {shlex.quote(text)[1:-1].encode()}
        for shift in range(3):  # the whole groups of three bytes look the same whatever stands around them
            whole = text.encode()[shift:]
            found.add(base64.b64encode(whole[: len(whole) // 3 * 3]))
    return {each for each in found if len(each) >= 5}


def hits(data: bytes) -> set[tuple[str, bytes]]:
    return {(name, each) for name, value in CANARIES.items() for each in dresses(value) if each in data}


def kept(folder: Path) -> dict[str, bytes]:
    """All that a run left behind, but what the test itself wrote; the database also as its own rows."""
    ours = {"pipeline.yaml", "tasks.py", "ledger.py", "yamlflow.toml"}
    files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in ours}
    for path in folder.rglob("*.db"):
        with sqlite3.connect(path) as connection:
            files[f"{path} rows"] = "\n".join(connection.iterdump()).encode()
    return files


@pytest.fixture
def leaky(project):
    return project(PIPELINE, TASKS)


def shown(project) -> Ran:
    """A run that shows all that tasks print, tracebacks too."""
    command = [sys.executable, "-m", "yamlflow", "run", "--keep-going", "--show-output", "all", "--json"]
    env = project.environment(**CANARIES)
    done = subprocess.run(command, cwd=project.folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_no_secret_is_in_any_file_or_stream_of_a_run_in_any_dress(leaky):
    ran = shown(leaky)
    assert ran.code == 1
    assert ran.state("leak") == "succeeded"
    assert ran.state("skip") == "skipped"
    assert ran.state("shell") == "succeeded"
    files = kept(leaky.folder)
    assert any(b"***" in data for data in files.values())
    found = {name: hits(data) for name, data in files.items() if hits(data)}
    assert found == {}
    assert hits(ran.out.encode()) == set()
    assert hits(ran.err.encode()) == set()


def test_no_command_that_looks_shows_one(leaky):
    leaky.call("run", "pipeline.yaml", "--keep-going", env=CANARIES)
    for words in (["status"], ["status", "--json"], ["logs"], ["runs", "show", "last", "--json"], ["config", "show"]):
        ran = leaky.call(*words, env=CANARIES)
        assert ran.code == 0, ran.err
        assert hits((ran.out + ran.err).encode()) == set(), words


def test_a_secret_parameter_is_masked_in_what_tasks_print_and_in_no_record(project):
    story = project(
        """
        params: {token: {type: str, secret: true}}
        steps:
          use: {run: "tasks:use", inputs: {token: params.token}}
          fail: {run: "tasks:fail", inputs: {token: params.token}, catch: {set: 0}}
          sh: {sh: 'echo "sh says $token"', inputs: {token: params.token}}
        """,
        """
        import yamlflow

        def use(token, ctx: yamlflow.Context):
            print("the token is", token)
            ctx.progress(0.1, token)

        def fail(token):
            raise ValueError(f"bad {token}")
        """,
    )
    ran = story.run(env={"YAMLFLOW_PARAM_TOKEN": CANARIES["PLAIN"]})
    assert ran.state("fail") == "caught"
    found = {name: hits(data) for name, data in kept(story.folder).items() if hits(data)}
    assert found == {}
    assert hits((ran.out + ran.err).encode()) == set()
    assert "the token is ***" in story.call("logs", "last", "use").out


def test_the_search_finds_what_was_not_masked():
    for name, value in CANARIES.items():
        line = value.splitlines()[1] if "\n" in value else value
        assert name in {found for found, _ in hits(f"x{line}y".encode())}
        if name != "SHORT":  # one group of three bytes is nobody's secret
            assert name in {found for found, _ in hits(base64.b64encode(b"abc" + line.encode() + b"!!"))}
