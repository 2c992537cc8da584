"""Environment, secrets, interpreters and fresh processes, on real processes."""

from __future__ import annotations

import sys

import pytest

from yamlflow.core.jobs import Grant

SEE = """
import os
AT_IMPORT = dict(os.environ)
def see(*names, **named): return [os.environ.get(name) for name in named["names"]]
def then(names): return [AT_IMPORT.get(name) for name in names]
"""


def test_a_variable_that_counts_only_when_python_starts_counts(workshop):
    workshop.write("work.py", "import sys\ndef f(): return hash('x'), sys.flags.hash_randomization")
    first, again, other = (workshop.value("work:f", env={"PYTHONHASHSEED": seed}) for seed in ("1", "1", "2"))
    assert first == again != other


def test_a_secret_is_a_variable_of_the_step_also_while_its_module_is_imported(workshop, monkeypatch):
    monkeypatch.setenv("TOKEN_HERE", "s3cret-value")
    workshop.restart()
    file = workshop.write("token", "from-a-file\n")
    workshop.write("work.py", "import os\nT = os.environ['TOKEN']\ndef f(): return len(T), len(os.environ['FROM'])")
    secrets = {"TOKEN": "env:TOKEN_HERE", "FROM": f"file:{file}"}
    assert workshop.value("work:f", secrets=secrets) == (12, 11)


def test_a_secret_that_is_not_there_is_said_without_a_value(workshop):
    workshop.write("work.py", "def f(): return 1")
    message = workshop.fails("work:f", secrets={"TOKEN": "env:NOT_SET_ANYWHERE"}).message
    assert message == "secret TOKEN: the environment variable NOT_SET_ANYWHERE is not set where the run started"
    assert "aws-sm" in workshop.fails("work:f", secrets={"TOKEN": "aws-sm:prod#key"}).message
    assert "cannot read /nowhere" in workshop.fails("work:f", secrets={"TOKEN": "file:/nowhere"}).message


def test_a_secret_appears_neither_in_the_log_nor_in_a_failure(workshop, monkeypatch):
    monkeypatch.setenv("TOKEN_HERE", "s3cret-value")
    workshop.restart()
    workshop.write(
        "work.py",
        """
        import base64, os, subprocess, sys
        print("importing with", os.environ["TOKEN"])
        def f():
            token = os.environ["TOKEN"]
            os.write(1, b"cut: s3cre"); os.write(1, b"t-value end\\n")
            print(token, base64.b64encode(b"user:" + token.encode()).decode())
            subprocess.run(["sh", "-c", "echo $TOKEN >&2"])
            raise ValueError(f"denied for {token}")
        """,
    )
    job = workshop.job("work:f", secrets={"TOKEN": "env:TOKEN_HERE"})
    failure = workshop.fails(job)
    log = workshop.log(job)
    assert failure.message == "denied for ***"
    assert "s3cret" not in log + failure.traceback
    assert "czNjcmV0" not in log
    assert "importing with ***\n" in log
    assert "cut: *** end\n" in log


def test_a_module_that_starts_a_thread_is_run_in_a_fresh_process_for_each_task(workshop):
    workshop.write(
        "work.py",
        """
        import os, threading
        HOME = os.getpid()
        event = threading.Event()
        threading.Thread(target=event.wait, daemon=True).start()
        def f(x): return x, os.getpid() == HOME
        """,
    )
    assert workshop.value("work:f", inputs={"x": 1}) == (1, True)
    assert workshop.value("work:f", inputs={"x": 2}) == (2, True)


def test_a_module_that_opens_a_socket_is_run_in_a_fresh_process(workshop):
    workshop.write(
        "work.py", "import os, socket\nHOME = os.getpid()\nS = socket.socket()\ndef f(): return os.getpid() == HOME"
    )
    assert workshop.value("work:f") is True


def test_a_module_with_numpy_is_forked(workshop, forks):
    pytest.importorskip("numpy")
    workshop.write("work.py", "import os, numpy\nHOME = os.getpid()\ndef f(): return os.getpid() == HOME")
    assert workshop.value("work:f", grant=Grant(cpu=2)) is not forks


def test_a_gpu_step_is_given_its_devices_and_a_fresh_process(workshop):
    workshop.write(
        "work.py",
        "import os\nHOME = os.getpid()\ndef f(): return os.environ['CUDA_VISIBLE_DEVICES'], os.getpid() == HOME",
    )
    assert workshop.value("work:f", grant=Grant(gpus=("0", "3"))) == ("0,3", True)


def test_a_step_may_name_its_interpreter(workshop):
    python = workshop.write("env/bin/python", f'#!/bin/sh\nWHO=other exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    workshop.write("work.py", "import os\ndef f(x): return os.environ.get('WHO'), x")
    assert workshop.value("work:f", inputs={"x": 1}, python=str(python)) == ("other", 1)
    assert workshop.value("work:f", inputs={"x": 1}) == (None, 1)
    command = {
        "kind": "command",
        "argv": ["python", "-c", "import os; print(os.environ['WHO'])"],
        "outputs": {"who": {"stdout": "text"}},
    }
    assert workshop.value(command, python=str(python)) == {"who": "other"}


def test_an_interpreter_that_is_not_there_is_a_start_failure(workshop):
    workshop.write("work.py", "def f(): return 1")
    failure = workshop.fails("work:f", python="/nowhere/python")
    assert failure.reason == "start_failed"
    assert "/nowhere/python" in failure.message


def test_a_fresh_process_fails_in_the_same_words(workshop, is_gone):
    workshop.write("broken.py", "raise RuntimeError('no key')")
    workshop.write(
        "work.py",
        """
        import os, subprocess, time
        def exit(): os._exit(0)
        def hang(path):
            child = subprocess.Popen(["sleep", "60"])
            open(path, "w").write(str(child.pid))
            time.sleep(60)
        """,
    )
    gpu = Grant(gpus=("0",))
    failure = workshop.fails("broken:f", grant=gpu)
    assert (failure.exception, failure.message) == ("RuntimeError", "no key")
    assert "yamlflow/" not in failure.traceback
    assert "without reporting a result" in workshop.fails("work:exit", grant=gpu).message
    late = workshop.job("work:hang", inputs={"path": str(workshop.code / "pid")}, grant=gpu, timeout=2.0)
    assert workshop.fails(late).reason == "timeout"
    assert is_gone(int(workshop.wait_for("pid")))


def test_a_child_of_multiprocessing_works_inside_a_task(workshop):
    workshop.write(
        "work.py",
        """
        import multiprocessing
        def square(x): return x * x
        def f(method):
            with multiprocessing.get_context(method).Pool(2) as pool:
                return pool.map(square, range(5))
        """,
    )
    for method in ("fork", "spawn"):
        assert workshop.value("work:f", inputs={"method": method}) == [0, 1, 4, 9, 16]


def test_parallel_map_inside_a_task_uses_the_granted_cores(workshop):
    workshop.write(
        "work.py",
        """
        import os
        from yamlflow import parallel_map
        def f():
            shift = 10
            pids = parallel_map(lambda x: (os.getpid(), x + shift), range(40))
            return len({pid for pid, _ in pids}), [x for _, x in pids], os.getpid() in {pid for pid, _ in pids}
        """,
    )
    expected = list(range(10, 50))
    workers, values, _ = workshop.value("work:f", grant=Grant(cpu=3))
    assert 1 <= workers <= 3
    assert values == expected
    assert workshop.value("work:f", grant=Grant(cpu=1)) == (1, expected, True)
