"""The user's code of the contract: what its tasks do, anywhere. Plain Python 3.10, nothing but the standard library.

`desk` is a folder that the task and the test both see, under the same path. A
bench copies this file into the code root: it is never imported by a test.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yamlflow


def note(desk, line):
    """One line for the test, written in one piece."""
    descriptor = os.open(f"{desk}/notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def add(a, b=10):
    return a + b


def size(x):
    return len(x)


def block(count):
    return b"x" * count


def numbers(count):
    return list(range(count))


def words():
    return {"many": [{"word": str(number) * 5000} for number in range(3)]}


def file(text):
    path = Path(os.environ["YAMLFLOW_TASK_DIR"], "made.txt")
    path.write_text(text)
    return path


def read(path: Path):
    return path.name, path.read_text()


def unstorable():
    import threading

    return {"auc": 0.5, "model": threading.Lock()}


def count(desk, me, fails=False):
    """A task that leaves word of its start and of its end."""
    note(desk, f"begins {me}")
    if fails:
        raise ValueError(f"{me} fails")
    print("says", me)
    note(desk, f"ends {me}")
    return me


def process(desk, me):
    note(desk, f"begins {me}")
    return os.getpid()


def wait(desk, me, before="", polite=True):
    """Waits until it is told to go on, and says that it is there."""
    if not polite:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if before:
        print(before, flush=True)
    note(desk, f"begins {me}")
    while not Path(f"{desk}/{me}.go").exists():
        time.sleep(0.01)
    note(desk, f"ends {me}")
    return "went on"


def tidies(desk, me):
    """Told to stop, it saves what it has."""

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGTERM, stop)
    try:
        return wait(desk, me)
    except TimeoutError:
        return "saved"


def family(desk, me):
    """Has a child that shows that it lives, for as long as it does."""
    subprocess.Popen(["sh", "-c", f"while true; do echo x >> {desk}/{me}.pulse; sleep 0.02; done"])
    return wait(desk, me)


def fails(words):
    raise ValueError(words)


def gives_up(words):
    raise yamlflow.NoRetry(ValueError(words))


def skips(words):
    raise yamlflow.Skip(words)


def exits(code):
    sys.exit(code)


def vanishes(code):
    os._exit(code)


def dies(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def asks_for_too_much():
    return bytearray(1 << 62)


def eats(mebibytes):
    data = bytearray(mebibytes << 20)
    data[::4096] = b"x" * len(data[::4096])
    return len(data) >> 20


def works(seconds):
    while time.process_time() < seconds:
        pass


def speaks(count):
    for number in range(count):
        print("out", number)
        print("err", number, file=sys.stderr)


def streams():
    """Python, a raw descriptor and a child, one after another."""
    print("python")
    sys.stdout.flush()
    os.write(1, b"raw\n")
    subprocess.run(["sh", "-c", "echo child; echo complaint >&2"], check=True)
    print("again", file=sys.stderr)


def shows_bytes():
    os.write(1, bytes(range(256)) * 100)


def tells(desk, me, ctx: yamlflow.Context):
    ctx.progress(0.4, "epoch 4/10")
    ctx.metric("auc", 0.9)
    return wait(desk, me)


def measures(ctx: yamlflow.Context):
    ctx.metric("auc", 0.9)
    ctx.metric("loss", 1)
    return {"each": ctx.each, "params": ctx.params, "attempt": ctx.attempt, "seed": ctx.seed, "run": ctx.run_id}


def epochs(ctx: yamlflow.Context):
    """Fails after it has saved something; the next attempt finds it."""
    saved = ctx.checkpoint_dir / "epoch"
    if saved.exists():
        return saved.read_text()
    saved.write_text("4")
    ctx.save_checkpoint()
    raise RuntimeError("epoch 5")


AT_IMPORT = dict(os.environ)


def variables(names):
    return [os.environ.get(name) for name in names]


def variables_at_import(names):
    return [AT_IMPORT.get(name) for name in names]


def places():
    """Where it is, its scratch folder, and what is in there."""
    scratch = os.environ["YAMLFLOW_TASK_DIR"]
    return str(Path.cwd()), scratch, os.environ["TMPDIR"], [path.name for path in Path(scratch).iterdir()]


def root():
    return str(Path(__file__).resolve().parent)


def litters(name):
    Path(os.environ["YAMLFLOW_TASK_DIR"], name).touch()
    raise ValueError("half done")


def reveals(desk):
    """Says a secret in every way that there is."""
    token = os.environ["TOKEN"]
    print("prints", token)
    sys.stdout.flush()
    os.write(1, f"writes {token}\n".encode())
    subprocess.run(["sh", "-c", "echo child $TOKEN"], check=True)
    note(desk, f"had {len(token)}")
    raise ValueError(f"denied for {token}")
