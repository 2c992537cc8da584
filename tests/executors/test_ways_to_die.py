"""Every way a task can end badly, as one run of the real command line sees them: a table.

Each row is a step; all run at once. What is compared is the class (the reason,
which `retry.on` speaks of) and the words; afterwards nobody may be left.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import MARK, marked, until
from tests.stories.projects import Project

TASKS = r"""
import ctypes, os, signal, subprocess, sys, threading, time
from pathlib import Path
import yamlflow

def segfault(): ctypes.string_at(0)
def abort(): os.abort()
def exit_zero(): os._exit(0)
def exit_seven(): os._exit(7)
def killed(): os.kill(os.getpid(), signal.SIGKILL)
def terminated(): os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)
def hang(): time.sleep(600)
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    while True: time.sleep(1)
def stopped(): os.kill(os.getpid(), signal.SIGSTOP); time.sleep(600)
def sys_exit_zero(): sys.exit(0)
def sys_exit_three(): sys.exit(3)
def sys_exit_words(): sys.exit("these are words")
def interrupted(): raise KeyboardInterrupt
def generator_exit(): raise GeneratorExit
class Base(BaseException): pass
def base(): raise Base("not even an Exception")
def lock(): return {"fine": 1, "model": threading.Lock()}
def function(): return lambda: 1
def generator(): return (n for n in range(3))
class Two(Exception):
    def __init__(self, one, two): super().__init__(one); self.lock = threading.Lock()
def two(): raise Two("first", "second")
class Mute(Exception):
    def __str__(self): raise RuntimeError("no words")
    __repr__ = __str__
def mute(): raise Mute
def long(): raise ValueError("x" * 5_000_000)
def group(): raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
def recursion():
    def deeper(): return deeper()
    deeper()
def memory(): return bytearray(1 << 62)
def surrogate(): raise ValueError("bad \udcff \x1b[31m text")

def flood():
    for _ in range(600): os.write(1, b"y" * 131072 + b"\n")
    return "flooded"
def binary():
    os.write(1, bytes(range(256)) * 100)
    return "binary"
def bar():
    for n in range(2000): print(f"\r{n / 20:.0f} %", end="")
    return "bar"
def holder():
    subprocess.Popen(["sleep", "600"])
    return "held"
def escapee():
    subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL)
    return "escaped"
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
    return "daemon"
def thread():
    threading.Thread(target=lambda: time.sleep(600)).start()
    return "thread"
def brood():
    for n in range(150):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
    os._exit(1)
def blind():
    os.closerange(0, 1000)
    return "blind"
def lost_folder(ctx: yamlflow.Context):
    import shutil
    os.chdir(ctx.tmp); shutil.rmtree(ctx.tmp); os.umask(0o777); os.environ.clear()
    sys.stdout = None; sys.modules.clear()
    return "lost"
def huge(): return os.urandom(1 << 26)
def size(blob: bytes): return len(blob)
"""

GOOD = {
    "flood": "flooded", "binary": "binary", "bar": "bar", "holder": "held", "escapee": "escaped",
    "daemon": "daemon", "thread": "thread", "blind": "blind", "lost_folder": "lost",
}  # fmt: skip
BAD = {
    "segfault": ("error", "crashed (SIGSEGV)"),
    "abort": ("error", "crashed (SIGABRT)"),
    "exit_zero": ("error", "without reporting a result (os._exit?)"),
    "exit_seven": ("error", "exit code 7 without reporting a result"),
    "killed": ("lost", "killed by SIGKILL from outside"),
    "terminated": ("error", "ended by SIGTERM"),
    "hang": ("timeout", "longer than its timeout of 2 s"),
    "stubborn": ("timeout", "longer than its timeout of 2 s"),
    "stopped": ("timeout", "longer than its timeout of 2 s"),
    "sys_exit_zero": ("error", "sys.exit(0)"),
    "sys_exit_three": ("error", "sys.exit(3)"),
    "sys_exit_words": ("error", "these are words"),
    "interrupted": ("error", "KeyboardInterrupt"),
    "generator_exit": ("error", "GeneratorExit"),
    "base": ("error", "not even an Exception"),
    "lock": ("error", 'result["model"]'),
    "function": ("error", "lambda"),
    "generator": ("error", "return a list"),
    "two": ("error", "first"),
    "mute": ("error", "Mute"),
    "long": ("error", "xxx"),
    "group": ("error", "several"),
    "recursion": ("error", "maximum recursion depth"),
    "memory": ("oom", "MemoryError"),
    "surrogate": ("error", "text"),
    "brood": ("error", "exit code 1 without reporting a result"),
}
TIMED = ("hang", "stubborn", "stopped")


def pipeline() -> str:
    lines = ["defaults: {retry: {infra: 0}}", "steps:"]
    lines += [
        f'  {name}: {{run: "tasks:{name}"{", timeout: 2s" if name in TIMED else ""}}}' for name in [*GOOD, *BAD, "huge"]
    ]
    lines += ['  size: {run: "tasks:size", inputs: {blob: steps.huge}}']
    return "\n".join([*lines, "outputs:", *(f"  {name}: steps.{name}" for name in [*GOOD, "size"])])


@pytest.fixture(scope="module")
def died(tmp_path_factory):
    """The run, once for all rows; the mark finds whoever is left of it."""
    project = Project(tmp_path_factory.mktemp("died"))(pipeline().replace("outputs:", "x-outputs:"))
    project.write("tasks.py", TASKS)
    ran = project.call("run", "--json", "--keep-going", "--max-workers", "6", "-q", env={MARK: "ways-to-die"})
    assert ran.code == 1, ran.err
    return project, ran


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_a_bad_end_has_its_class_and_its_words(died, name):
    _, ran = died
    reason, words = BAD[name]
    assert ran.state(name) == "failed"
    (failure,) = [each for each in ran.failures if each["step"] == name]
    assert failure["reason"] == reason, failure
    said = f"{failure.get('exception', '')}: {failure['message']}"
    assert words in said
    assert len(failure["message"]) < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", [*GOOD, "huge", "size"])
def test_a_bad_habit_does_not_spoil_a_good_end(died, name):
    assert died[1].state(name) == "succeeded"


@pytest.mark.slow
def test_nobody_outlives_the_run(died):
    until(lambda: not marked("ways-to-die"), words=lambda: "\n".join(marked("ways-to-die")))


@pytest.mark.slow
def test_a_log_holds_what_was_printed_and_no_flood_fills_the_disk(died):
    project, _ = died
    logs = {path.name.split("-")[1]: path for path in (project.folder / ".yamlflow").rglob("*-a1.log")}
    assert logs["flood"].stat().st_size < (90 << 20)
    assert bytes(range(256)) in logs["binary"].read_bytes()
    shown = project.call("logs", "last", "bar").out
    assert "100 %" in shown and "50 %" not in shown
    assert "Segmentation fault" in project.call("logs", "last", "segfault").out


def limited(mebibytes: int) -> Path:
    """A new memory control group below ours, of either kind."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            folder, limit = Path(f"/sys/fs/cgroup/memory{group}"), "memory.limit_in_bytes"
            break
    else:
        folder, limit = Path(f"/sys/fs/cgroup{group}"), "memory.max"
    made = folder / f"yamlflow-test-{id(object())}"
    try:
        made.mkdir()
        (made / limit).write_text(str(mebibytes << 20))
    except OSError as error:
        if made.is_dir():
            made.rmdir()
        pytest.skip(f"needs a memory control group of its own: {error}")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    ['run: "tasks:eat"', 'sh: \'python -c "bytearray(1 << 30)[::4096] = b\\"x\\" * (1 << 18)"; true && exit $?\''],
)
def test_a_task_killed_for_memory_is_oom_and_says_how_much_it_used(tmp_path, step):
    group = limited(300)
    story = Project(tmp_path)(
        f"steps: {{eat: {{{step}, resources: {{memory: 1Gi}}}}}}",
        """
        def eat():
            block = bytearray(1 << 30)
            block[::4096] = b"x" * (1 << 18)
    """,
    )
    command = [sys.executable, "-m", "yamlflow", "run", "--json", "-q"]
    enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]
    try:
        done = subprocess.run(
            enter, cwd=story.folder, env=story.environment(), capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        until(lambda: not (group / "cgroup.procs").read_text().split())
        group.rmdir()
    assert done.returncode == 1, done.stderr
    assert '"reason": "oom"' in done.stdout, done.stdout
    assert "out of memory" in done.stdout
