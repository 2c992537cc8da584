"""Every way in which a task can end, on real processes: rows W1 to W18 of the failure table, and imports."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_task_killed_from_outside_is_lost_and_says_what_it_used(workshop):
    workshop.write("work.py", "import os\ndef f(): os.kill(os.getpid(), 9)")
    failure = workshop.fails("work:f")
    assert failure.reason == "lost"
    assert failure.message.startswith("the process was killed by SIGKILL from outside")


def test_a_crash_is_an_error_with_the_signals_name_and_its_stack_in_the_log(workshop):
    workshop.write("work.py", "import ctypes\ndef dig(): ctypes.string_at(0)")
    job = workshop.job("work:dig")
    failure = workshop.fails(job)
    assert failure.reason == "error"
    assert "SIGSEGV" in failure.message
    assert "in dig" in workshop.log(job)


def test_a_process_that_ends_without_a_word_has_failed(workshop):
    workshop.write("work.py", "import os\ndef f(code): os._exit(code)")
    assert "without reporting a result" in workshop.fails("work:f", inputs={"code": 0}).message
    failure = workshop.fails("work:f", inputs={"code": 3})
    assert (failure.reason, failure.exit_code) == ("error", 3)
    assert "without reporting a result" in workshop.fails("work:f", inputs={"code": 93}).message


@pytest.mark.parametrize(("argument", "code"), [("", 0), ("0", 0), ("3", 3), ("'no'", 1)])
def test_sys_exit_in_a_task_is_a_failure(workshop, argument, code):
    workshop.write("work.py", f"import sys\ndef f(): sys.exit({argument})")
    failure = workshop.fails("work:f")
    assert (failure.reason, failure.exit_code, failure.exception) == ("error", code, "SystemExit")
    assert "return a value" in failure.message


RAISING = """
import threading
class Two(Exception):
    def __init__(self, a, b): super().__init__(f"{a}+{b}"); self.lock = threading.Lock()
class Mute(Exception):
    def __str__(self): raise RuntimeError("no text")
class Odd(BaseException): pass
def two(): raise Two(1, 2)
def mute(): raise Mute()
def odd(): raise Odd("odd")
def interrupt(): raise KeyboardInterrupt
def memory(): raise MemoryError("30 GB")
def cause():
    try: {}["k"]
    except KeyError as error: raise ValueError("outer") from error
"""


@pytest.mark.parametrize(
    ("name", "exception", "message", "reason"),
    [
        ("two", "work.Two", "1+2", "error"),
        ("mute", "work.Mute", "<Mute; its __str__ raised RuntimeError>", "error"),
        ("odd", "work.Odd", "odd", "error"),
        ("interrupt", "KeyboardInterrupt", "the task was interrupted (KeyboardInterrupt)", "error"),
        ("memory", "MemoryError", "30 GB", "oom"),
        ("cause", "ValueError", "outer", "error"),
    ],
)
def test_whatever_is_raised_arrives_as_text(workshop, name, exception, message, reason):
    workshop.write("work.py", RAISING)
    failure = workshop.fails(f"work:{name}")
    assert (failure.exception, failure.message, failure.reason) == (exception, message, reason)
    assert f", in {name}" in failure.traceback
    assert "yamlflow/" not in failure.traceback


def test_the_names_of_an_exception_are_those_of_its_bases_too(workshop):
    workshop.write("work.py", "import json\ndef f(): json.loads('{')")
    failure = workshop.fails("work:f")
    assert {"JSONDecodeError", "json.decoder.JSONDecodeError", "ValueError", "Exception"} <= set(failure.names)


def test_a_cause_is_part_of_the_traceback(workshop):
    workshop.write("work.py", RAISING)
    trace = workshop.fails("work:cause").traceback
    assert trace.index("KeyError: 'k'") < trace.index("direct cause") < trace.index("ValueError: outer")


def test_a_group_of_exceptions_shows_its_members(workshop):
    workshop.write("work.py", "def f(): raise ExceptionGroup('both', [ValueError('a'), KeyError('b')])")
    trace = workshop.fails("work:f").traceback
    assert "ValueError: a" in trace
    assert "KeyError: 'b'" in trace


def test_a_result_that_cannot_be_stored_names_the_culprit_and_hurts_nobody_else(workshop):
    workshop.write(
        "work.py",
        """
        import threading
        class Model:
            def __init__(self): self._lock = threading.Lock()
        def bad(): return {"auc": 0.5, "model": Model()}
        def good(): return 1
        """,
    )
    failure = workshop.fails("work:bad")
    assert failure.message == "result[\"model\"]._lock: cannot pickle '_thread.lock' object"
    assert workshop.value("work:good") == 1


# ------------------------------------------------------------------ time


def test_a_timeout_ends_the_whole_group_and_shows_where_the_task_was(workshop, is_gone):
    workshop.write(
        "work.py",
        """
        import subprocess, time
        def wait_for_ever(pids):
            child = subprocess.Popen(["sleep", "60"])
            open(pids, "w").write(str(child.pid))
            time.sleep(60)
        """,
    )
    job = workshop.job("work:wait_for_ever", inputs={"pids": str(workshop.code / "pid")}, timeout=1.5)
    failure = workshop.fails(job)
    assert (failure.reason, failure.message) == ("timeout", "ran longer than its timeout of 1.5 s and was stopped")
    assert "in wait_for_ever" in workshop.log(job)
    assert is_gone(int(workshop.wait_for("pid")))


def test_a_task_that_ignores_the_polite_signal_is_killed_after_the_grace_period(workshop):
    workshop.restart(grace=0.4)
    workshop.write(
        "work.py",
        """
        import signal, time
        def f(mark, started):
            signal.signal(signal.SIGTERM, lambda *_: open(mark, "a").write("x"))
            open(started, "w").write("x")
            while True: time.sleep(0.05)
        """,
    )
    mark = workshop.code / "mark"
    job = workshop.job("work:f", inputs={"mark": str(mark), "started": str(workshop.code / "started")})
    workshop.submit(job)
    workshop.wait_for("started")
    workshop.executor.cancel([job.attempt_id])
    assert workshop.ended(job).failure.reason == "cancelled"
    assert mark.read_text() == "x"


# ------------------------------------------------------------------ what is left behind


LEAVING = """
import os, subprocess, time
def daemonize(path):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open(path, "w").write(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    while not os.path.exists(path) or not open(path).read(): time.sleep(0.01)
def leave(path):
    daemonize(path)
    return "done"
def crash(path):
    daemonize(path)
    os._exit(0)
def hang(path):
    daemonize(path)
    time.sleep(60)
def hold(path):
    child = subprocess.Popen(["sleep", "60"])  # it has our standard output
    open(path, "w").write(str(child.pid))
    return "done"
"""


@pytest.mark.parametrize(
    ("name", "state"), [("leave", "succeeded"), ("crash", "failed"), ("hang", "failed"), ("hold", "succeeded")]
)
def test_nobody_outlives_a_task_not_even_who_left_its_session(workshop, is_gone, name, state):
    workshop.write("work.py", LEAVING)
    begun = time.monotonic()
    job = workshop.job(
        f"work:{name}", inputs={"path": str(workshop.code / "pid")}, timeout=1.0 if name == "hang" else 50
    )
    assert workshop.run(job).state == state
    assert time.monotonic() - begun < 20
    assert is_gone(int(workshop.wait_for("pid")))


def test_a_task_left_alone_does_not_suffer_from_the_end_of_another(workshop):
    workshop.write(
        "work.py",
        LEAVING + "\ndef patient(path, go):\n daemonize(path)\n pid = int(open(path).read())\n"
        " while not os.path.exists(go): time.sleep(0.01)\n os.kill(pid, 0)\n return 'its daemon lives'\n",
    )
    code = workshop.code
    patient = workshop.job("work:patient", inputs={"path": str(code / "own"), "go": str(code / "go")})
    workshop.submit(patient)
    workshop.wait_for("own")
    workshop.run("work:crash", inputs={"path": str(code / "pid")})
    (code / "go").touch()
    assert workshop.ended(patient).value == "its daemon lives"


def test_when_the_launcher_is_killed_everything_below_it_ends(workshop, tmp_path, is_gone):
    workshop.write("work.py", LEAVING)
    script = tmp_path / "launcher.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from tests.executors.conftest import Workshop\n"
        "root = Path(sys.argv[1]); root.mkdir()\n"
        "shop = Workshop(root)\n"
        f"shop.write('work.py', {LEAVING!r})\n"
        "shop.submit(shop.job('work:hang', inputs={'path': str(root / 'code' / 'pid')}))\n"
        "while True: shop.executor.poll(1)\n"
    )
    launcher = subprocess.Popen([sys.executable, str(script), str(tmp_path / "other")])
    pid = tmp_path / "other" / "code" / "pid"
    while not (pid.exists() and pid.read_text()):
        assert launcher.poll() is None
        time.sleep(0.01)
    launcher.kill()
    launcher.wait()
    assert is_gone(int(pid.read_text()))
    deadline = time.monotonic() + 5
    while workshop.processes() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workshop.processes() == []


def test_when_the_nursery_dies_its_tasks_are_lost_and_the_next_one_runs(workshop):
    workshop.write(
        "work.py", "import time\ndef f(path):\n open(path, 'w').write('x')\n time.sleep(60)\ndef g(): return 1"
    )
    job = workshop.job("work:f", inputs={"path": str(workshop.code / "started")})
    workshop.submit(job)
    workshop.wait_for("started")
    (nursery,) = workshop.executor._tree._nurseries.values()
    nursery.process.kill()
    assert workshop.ended(job).failure.reason == "lost"
    assert workshop.value("work:g") == 1


def test_when_a_template_dies_its_tasks_are_lost_and_the_next_one_runs(workshop):
    workshop.write(
        "work.py", "import os, time\ndef f():\n os.kill(os.getppid(), 9)\n time.sleep(60)\ndef g(): return 1"
    )
    assert workshop.fails("work:f").reason == "lost"
    assert workshop.value("work:g") == 1


# ------------------------------------------------------------------ what a task does to its own process


def test_what_a_task_does_to_its_process_stays_with_it(workshop):
    workshop.write(
        "work.py",
        """
        import os, signal, sys
        STATE = []
        def spoil():
            os.chdir("/"); os.umask(0); os.environ["X"] = "1"; STATE.append(1)
            signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdout = None; os.close(1)
        def look():
            return os.getcwd(), os.environ.get("X"), STATE, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        """,
    )
    assert workshop.run("work:spoil").state == "succeeded"
    assert workshop.value("work:look") == (str(workshop.code), None, [], True)


def test_a_task_that_closes_every_descriptor_still_tells_its_result(workshop):
    workshop.write("work.py", "import os\ndef f():\n os.closerange(0, 1000)\n return 'told'")
    assert workshop.value("work:f") == "told"
    assert workshop.left() == []


def test_exit_handlers_run_after_the_result_is_told(workshop):
    workshop.write("work.py", "import atexit\ndef f():\n atexit.register(lambda: print('goodbye'))\n print('hello')")
    job = workshop.job("work:f")
    assert workshop.run(job).state == "succeeded"
    assert workshop.log(job) == "hello\ngoodbye\n"


@pytest.mark.slow
def test_a_thread_that_never_ends_does_not_hold_up_a_finished_task(workshop):
    workshop.write(
        "work.py",
        "import threading, time\ndef f():\n threading.Thread(target=time.sleep, args=(60,)).start()\n return 1",
    )
    begun = time.monotonic()
    assert workshop.value("work:f") == 1
    assert time.monotonic() - begun < 20


def test_a_flood_of_output_is_cut_to_its_head_and_its_tail(workshop):
    workshop.write(
        "work.py",
        """
        import os
        def f():
            os.write(1, b"first\\n")
            for _ in range(100): os.write(1, b"x" * (1 << 20))
            os.write(1, b"last\\n")
        """,
    )
    job = workshop.job("work:f")
    assert workshop.run(job).state == "succeeded"
    with Path(job.log).open("rb") as file:
        head = file.read(6)
        file.seek(-5, os.SEEK_END)
        tail = file.read()
        file.seek(64 << 20)
        middle = file.read(100).decode()
    assert (head, tail) == (b"first\n", b"last\n")
    assert "log truncated: 20 MiB dropped" in middle
    assert Path(job.log).stat().st_size < 81 << 20


# ------------------------------------------------------------------ modules


@pytest.mark.parametrize(
    ("text", "exception", "words"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError", "nowhere_at_all"),
        ("def f(:", "SyntaxError", "invalid syntax"),
        ("raise RuntimeError('no key')", "RuntimeError", "no key"),
        ("import sys; sys.exit(4)", "SystemExit", "sys.exit(4)"),
    ],
)
def test_a_module_that_cannot_be_imported_fails_its_tasks(workshop, text, exception, words):
    workshop.write("work.py", text)
    failures = [workshop.fails("work:f") for _ in range(2)]
    for failure in failures:
        assert failure.reason == "error"
        assert failure.exception == exception
        assert words in failure.message
        assert "work.py" in failure.traceback
        assert "yamlflow/" not in failure.traceback


def test_a_module_that_is_repaired_is_imported_by_the_next_task(workshop):
    path = workshop.write("work.py", "import nowhere_at_all")
    workshop.fails("work:f")
    path.write_text("def f(): return 'repaired, and longer'")
    assert workshop.value("work:f") == "repaired, and longer"


def test_a_missing_module_file_or_name_is_said_plainly(workshop):
    workshop.write("work.py", "x = 1")
    assert "nowhere" in workshop.fails("nowhere:f").message
    assert "there is no file nowhere.py" in workshop.fails("nowhere.py:f").message
    assert "has no `f`" in workshop.fails("work:f").message
    assert "is of type int, and cannot be called" in workshop.fails("work:x").message


def test_a_module_that_kills_its_process_fails_its_tasks_and_nothing_else(workshop, forks):
    workshop.write("dead.py", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    workshop.write("gone.py", "import os; os._exit(3)")
    workshop.write("work.py", "def f(): return 1")
    dead, gone = ("importing `dead:f`: ", "importing `gone:f`: ") if forks else ("", "")
    assert workshop.fails("dead:f").message == f"{dead}the process crashed (SIGSEGV); its log may show where"
    assert f"{gone}the process ended with exit code 3" in workshop.fails("gone:f").message
    assert workshop.value("work:f") == 1


def test_an_import_that_hangs_ends_with_the_timeout_or_when_it_is_cancelled(workshop, forks):
    workshop.write("hang.py", "import time; time.sleep(60)")
    failure = workshop.fails("hang:f", timeout=0.3)
    assert failure.reason == "timeout"
    where = " while `hang:f` was being imported"
    assert failure.message.removesuffix(where) == "ran longer than its timeout of 0.3 s and was stopped"
    assert failure.message.endswith(where) or not forks
    job = workshop.job("hang:f")
    workshop.submit(job)
    workshop.executor.poll(0.1)
    workshop.executor.cancel([job.attempt_id])
    assert workshop.ended(job).failure.reason == "cancelled"


# ------------------------------------------------------------------ what is used


def test_memory_and_cpu_of_a_task_are_its_own(workshop, forks):
    workshop.write(
        "work.py",
        """
        BALLAST = bytearray(60_000_000)
        def big(): return len(bytearray(b"x" * 100_000_000))
        def small(): return 1
        def busy():
            import time
            while time.process_time() < 0.2: pass
        """,
    )
    big, small, busy = (workshop.run(f"work:{name}").usage for name in ("big", "small", "busy"))
    module = 0 if forks else 100_000_000  # what an interpreter of its own and the module take belongs to the task
    assert 95_000_000 < big.peak_memory < 260_000_000 + module
    assert small.peak_memory < 20_000_000 + module
    assert busy.cpu_seconds >= 0.2 > small.cpu_seconds
    assert busy.seconds >= 0.2


def test_many_tasks_at_once_all_end(workshop):
    workshop.write("work.py", "def f(x): return x")
    jobs = [workshop.job("work:f", inputs={"x": "y" * 3000 + str(number)}) for number in range(200)]
    workshop.submit(*jobs)
    values = [workshop.ended(job).value for job in jobs]
    assert values == ["y" * 3000 + str(number) for number in range(200)]


def test_descriptors_and_templates_do_not_pile_up(workshop):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    for number in range(40):
        workshop.write(f"m{number}.py", "def f(): return 1")
    workshop.value("m0:f")
    before = descriptors()
    for number in range(40):
        workshop.value(f"m{number}:f")
    assert len(workshop.executor._tree.templates) <= 17
    assert descriptors() <= before + 2 * 17
    for _ in range(20):
        workshop.value("m39:f")
    assert descriptors() <= before + 2 * 17


def test_a_log_folder_that_cannot_be_made_is_a_start_failure(workshop):
    (workshop.root / "file").write_text("")
    job = dataclasses.replace(workshop.job("statistics:mean"), log=str(workshop.root / "file" / "x.log"))
    assert workshop.fails(job).reason == "start_failed"


def test_signals_are_named():
    from yamlflow.worker.processes import endings

    assert "SIGUSR1" in endings.ended(-signal.SIGUSR1, oom=False, memory=0, limit=0).message
    oom = endings.ended(-9, oom=True, memory=3 << 30, limit=2 << 30)
    assert oom.reason == "oom"
    assert "peak memory was 3.0 GiB, it asked for 2.0 GiB" in oom.message
