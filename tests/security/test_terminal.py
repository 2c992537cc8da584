"""Foreign text on a terminal: whatever tasks, items and files say, only our own sequences come out."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from yamlflow.cli.output.text import clean

CORPUS = {
    "colour": "\x1b[31mred\x1b[0m",
    "screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "title st": "\x1b]2;owned\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "link": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "unterminated": "\x1b]0;never ends",
    "device": "\x1bP+q544e\x1b\\",
    "application": "\x1b_Gf=24\x1b\\",
    "private": "\x1b^secret\x1b\\",
    "string": "\x1bXhidden\x1b\\",
    "reset": "\x1bc",
    "charset": "\x1b(0",
    "c1": "\x9b31m\x9d0;owned\x9c\x90q\x9c",
    "bell": "\x07\x00\x0b\x0c\x0e\x7f",
    "direction": "\u202egnp.exe\u202c\u2066x\u2069",
    "alternate": "\x1b[?1049h\x1b[?25l\x1b[?1000h",
    "markup": "[/bold][red]x[/][link=http://evil]y[/link][blink]",
    "broken markup": "[/][[bold]\\[x]",
    "annotation": "::error file=x::owned",
    "surrogate": "\udcff\ud800",
    "lines": "one\r\ntwo\rthree\u2028four\x85five",
}
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)
OURS = re.compile(r"\x1b\[(?:\d+(?:;\d+)*m|\d*[ABCDGK]|\d*J|\?25[hl]|\?2004[hl]|H)")
"""Colours, cursor movement within the live view, erasing, hiding and showing the cursor."""

TASKS = """
    import json, sys, yamlflow
    CORPUS = json.loads(Path("corpus.json").read_text())

    def speak(ctx: yamlflow.Context):
        for text in CORPUS:
            print(text.encode(errors="surrogatepass").decode(errors="replace"), "HEARD")
            ctx.progress(0.5, text.encode(errors="replace").decode())
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\\xff\\xfe binary \\x80\\x1b[31m\\n")
        return {"said": [text.encode(errors="replace").decode() for text in CORPUS]}

    class Odd(Exception):
        pass

    def fail(text):
        raise Odd(text)

    def skip(text):
        raise yamlflow.Skip(text)

    def items():
        return [text.encode(errors="replace").decode() for text in CORPUS]
"""
PIPELINE = """
    steps:
      speak: {run: "tasks:speak"}
      items: {run: "tasks:items"}
      fail: {foreach: {text: steps.items}, run: "tasks:fail", inputs: {text: each.text}, min_success: 0%}
      skip: {foreach: {text: steps.items}, run: "tasks:skip", inputs: {text: each.text}}
      sh: {sh: 'cat corpus.txt; cat corpus.txt >&2; exit 3', cwd: code}
    outputs: {said: steps.speak.said}
"""


@pytest.fixture
def foul(project):
    story = project(PIPELINE, TASKS)
    story.write("corpus.json", json.dumps(list(CORPUS.values())))
    raw = "\n".join(CORPUS.values()).encode(errors="surrogatepass")
    (story.folder / "corpus.txt").write_bytes(raw + b"\n\xff\xfe\x9b31m\n")
    return story


def raw(project, *words: str) -> str:
    """What `yamlflow WORDS` writes to its two streams, tracebacks of tasks included."""
    command = [sys.executable, "-m", "yamlflow", *words]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment(), capture_output=True, timeout=60, check=False
    )
    return (done.stdout + done.stderr).decode("utf-8", errors="surrogateescape")


def on_a_terminal(project, *words: str) -> str:
    """The same on a terminal of its own."""
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(project.folder)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "yamlflow", *words],
            project.environment(TERM="xterm-256color", COLUMNS="100", LINES="40"),
        )
    seen, end = bytearray(), time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([screen], [], [], 1)[0]:
            try:
                data = os.read(screen, 1 << 16)
            except OSError:
                break
            if not data:
                break
            seen += data
    os.waitpid(pid, 0)
    os.close(screen)
    return seen.decode("utf-8", errors="surrogateescape")


def foreign(text: str) -> list[str]:
    """What is neither our sequence nor plain text, with a little around it."""
    rest = OURS.sub("", text).replace("\r", "")
    return [rest[max(0, at.start() - 20) : at.end() + 20] for at in re.finditer(f"{FORBIDDEN.pattern}|\x1b", rest)]


LOOKS = [
    ["status"],
    ["logs"],
    ["logs", "last", "speak"],
    ["runs", "show", "last"],
    ["runs", "list"],
    ["artifacts", "list"],
    ["artifacts", "show", "speak.said"],
    ["artifacts", "show", "items"],
]


@pytest.mark.parametrize("progress", ["plain", "json"])
def test_a_pipe_gets_nothing_but_text(foul, progress):
    text = raw(foul, "run", "--keep-going", "--show-output", "all", "--progress", progress)
    assert "HEARD" in text or progress == "json"
    assert foreign(text) == []
    assert "\x1b" not in text


def test_looking_commands_print_nothing_but_text(foul):
    raw(foul, "run", "--keep-going", "-q")
    for words in LOOKS:
        text = raw(foul, *words)
        assert foreign(text) == [], words
        assert "\x1b" not in text, words
        assert "this is a bug" not in text, words


def test_a_terminal_gets_only_sequences_of_ours(foul):
    text = on_a_terminal(foul, "run", "--keep-going", "--show-output", "all")
    assert "HEARD" in text
    assert foreign(text) == []
    for owned in ("owned\x07", "http://evil.example\x1b", "\x1b]", "\x1b[?1049h", "\x1b[?1000h", "\x1b[2J"):
        assert owned not in text


def test_markup_is_text(foul):
    text = on_a_terminal(foul, "run", "--keep-going", "--show-output", "all")
    assert "[/bold][red]x[/]" in OURS.sub("", text)


def test_a_line_that_github_would_obey_is_disarmed(foul):
    env = foul.environment(GITHUB_ACTIONS="true", CI="true")
    command = [sys.executable, "-m", "yamlflow", "run", "--keep-going", "--show-output", "all"]
    done = subprocess.run(command, cwd=foul.folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert any("owned" in line for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_cleaned_text_has_no_control_left(text):
    assert foreign(clean(text)) == []


def test_an_endless_sequence_is_cleaned_in_linear_time():
    for start in ("\x1b]", "\x1b[", "\x1bP", "\x9d", "\x08", "a\x08", "\x1b"):
        clean(start * 200_000)
        clean(start + "x" * 2_000_000)
