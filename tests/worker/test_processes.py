"""Parts of the process tree that need no tree: frames, masks, logs, hazards, failures, the environment."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.worker.calls.failures import failure_of
from yamlflow.worker.processes import environment, frames, kernel, logs, masking
from yamlflow.worker.processes.page import Page

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["fork", "spawn"])
def line(request, monkeypatch):
    """Two ends of a conversation: in packets, and in a stream."""
    monkeypatch.setenv(kernel.START_METHOD, request.param)
    ours, theirs = frames.pair()
    assert isinstance(ours, frames.Stream) == (request.param == "spawn")
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_large_frame_travels_through_a_file_that_the_reader_removes(line, tmp_path):
    ours, theirs = line
    spill = tmp_path / "new" / "frame.json"
    for body in ("x", "é" * 100_000):
        ours.send(frames.pack({"op": "run", "body": body}, str(spill)))
        assert spill.exists() == (len(body) > 1)
        assert theirs.receive() == {"op": "run", "body": body}
    assert not spill.exists()


def test_words_of_a_peer_that_left_with_unread_mail_are_still_heard(line):
    ours, theirs = line
    theirs.send(frames.pack({"op": "ready"}, ""))
    ours.send(frames.pack({"op": "run"}, ""))
    theirs.close()
    assert ours.receive() == {"op": "ready"}
    assert ours.receive() is None


def test_frames_keep_their_order_and_their_ends_when_there_is_no_room_for_them(line):
    ours, theirs = line
    ours.setblocking(False)
    theirs.setblocking(False)
    waiting = [frames.to_bytes({"op": "run", "number": number, "body": "x" * (number * 37)}) for number in range(1000)]
    waiting.reverse()
    heard, refused = [], 0
    while len(heard) < 1000:
        while waiting and ours.send(waiting[-1]):
            waiting.pop()
        refused += bool(waiting)
        ours.flush()
        with suppress(BlockingIOError):
            while True:
                heard.append(theirs.receive())
    assert refused > 3
    assert [frame["number"] for frame in heard] == list(range(1000))
    assert all(len(frame["body"]) == frame["number"] * 37 for frame in heard)


def test_a_frame_that_comes_in_pieces_is_waited_for_and_nothing_is_read_beyond_it(line):
    ours, theirs = line
    if not isinstance(ours, frames.Stream):
        theirs.send(frames.to_bytes({"op": "a"}))
        assert ours.receive() == {"op": "a"}
        return
    ours.setblocking(False)
    packet = frames.to_bytes({"op": "whole"})
    data = len(packet).to_bytes(4, "big") + packet
    for byte in data:
        with pytest.raises(BlockingIOError):
            ours.receive()
        os.write(theirs.fileno(), bytes([byte]))
    os.write(theirs.fileno(), data)
    assert ours.receive() == {"op": "whole"}
    assert select.select([ours], [], [], 0)[0] == [ours]
    assert ours.receive() == {"op": "whole"}


def test_descriptors_travel_with_their_frame_and_are_not_passed_on_to_programs(line, tmp_path):
    ours, theirs = line
    (tmp_path / "note").write_text("hello")
    with (tmp_path / "note").open() as file:
        ours.send(frames.to_bytes({"op": "worker"}), [file.fileno()])
        ours.send(frames.to_bytes({"op": "run"}))
    frame, (descriptor,) = theirs.receive_with(2)
    assert (frame, os.read(descriptor, 9), os.get_inheritable(descriptor)) == ({"op": "worker"}, b"hello", False)
    os.close(descriptor)
    assert theirs.receive_with(2) == ({"op": "run"}, [])
    ours.close()
    assert theirs.receive_with(2) == (None, [])


# ------------------------------------------------------------------ the page


def test_what_one_holder_of_a_page_writes_the_others_read():
    page, descriptor = Page.make()
    other = Page(descriptor)
    assert (other.current, other.stop, other.due) == (0, False, float("inf"))
    page.current, other.stop, page.due = 1 << 40, True, 12.5
    assert (other.current, page.stop, other.due) == (1 << 40, True, 12.5)
    page.close()
    other.close()
    os.close(descriptor)


# ------------------------------------------------------------------ masks


@pytest.mark.parametrize(
    "dress",
    [
        lambda secret: secret.encode(),
        lambda secret: quote(secret, safe="").encode(),
        lambda secret: json.dumps({"k": secret}).encode(),
        lambda secret: base64.b64encode(secret.encode()),
        lambda secret: base64.b64encode(b"u" + secret.encode() + b"!"),
        lambda secret: base64.b64encode(b"us" + secret.encode() + b"!!"),
        lambda secret: base64.urlsafe_b64encode(b"usr" + secret.encode()),
    ],
)
def test_a_secret_is_masked_in_its_usual_dresses(dress):
    secret = 'p@ss"word/42?x'
    found = masking.pattern([secret])
    clean = found.sub(b"***", dress(secret))
    assert b"***" in clean
    assert len(clean) <= len(dress(secret)) - 8


def test_each_line_of_a_secret_is_one_and_a_short_one_is_left_alone():
    found = masking.pattern(["-----BEGIN-----\nabcdefgh\n", "ab"])
    assert found.sub(b"***", b"x abcdefgh ab") == b"x *** ab"
    assert masking.pattern(["ab", ""]) is None


@given(st.lists(st.integers(1, 9), max_size=30))
def test_a_secret_cut_anywhere_by_writes_is_found(tmp_path_factory, cuts):
    log = tmp_path_factory.mktemp("m") / "log"
    masker = masking.Masker.of(["secret-value"], str(log))
    text = b"one secret-value two secret-value\nthree"
    place = 0
    for cut in [*cuts, len(text)]:
        os.write(masker.write_end, text[place : place + cut])
        masker.pump()
        place += cut
    os.close(masker.write_end)
    masker.finish()
    assert log.read_bytes() == b"one *** two ***\nthree"


# ------------------------------------------------------------------ logs


def test_a_log_keeps_its_head_and_its_tail(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "HEAD", 1 << 20)
    monkeypatch.setattr(logs, "TAIL", 1 << 18)
    path = tmp_path / "log"
    path.write_bytes(b"h" * (1 << 20) + b"m" * (8 << 20) + b"t" * (1 << 18))
    logs.trim(str(path))
    assert path.stat().st_size == (9 << 20) + (1 << 18)
    assert path.stat().st_blocks * 512 < 3 << 20
    logs.finish(str(path))
    content = path.read_bytes()
    assert content.startswith(b"h" * (1 << 20) + "\n… log truncated: 8 MiB dropped …\nt".encode())
    assert content.endswith(b"t")
    logs.finish(str(path))
    assert path.read_bytes()[: 1 << 20] == b"h" * (1 << 20)


def test_a_short_or_missing_log_is_left_alone(tmp_path):
    path = tmp_path / "log"
    path.write_text("short")
    for name in ("log", "missing"):
        logs.trim(str(tmp_path / name))
        logs.finish(str(tmp_path / name))
    assert path.read_text() == "short"


# ------------------------------------------------------------------ hazards


def look(code):
    """What hazards are found in a fresh process that has run the code; one socket is the channel."""
    before = "import socket\nchannel = socket.socket()\n"
    after = "\nfrom yamlflow.worker.processes import hazards\nprint(hazards.found())"
    script = before + code + after
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def test_what_makes_forking_unsafe_is_found():
    assert look("") == "[]"
    assert look("import numpy") == "[]"
    assert look("import sklearn.linear_model") == "[]"
    assert (
        look("import threading, time; threading.Thread(target=time.sleep, args=(1,), daemon=True).start()")
        == "['threads']"
    )
    assert look("other = socket.socket()") == "['sockets']"


def test_the_thread_of_pyarrows_allocator_is_no_openmp_pool():
    pytest.importorskip("pyarrow")
    code = (
        "import os; os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = '1'\n"
        "import pyarrow; 'jemalloc' in pyarrow.supported_memory_backends() and pyarrow.jemalloc_memory_pool()\n"
        "import sklearn.linear_model"
    )
    assert look(code) == "[]"


def test_a_running_openmp_pool_is_found():
    pytest.importorskip("sklearn")
    code = (
        "import os; os.environ['OMP_NUM_THREADS'] = '2'; os.environ['OPENBLAS_NUM_THREADS'] = '2'\n"
        "import numpy; from sklearn.cluster import KMeans\n"
        "KMeans(2, n_init=1).fit(numpy.random.rand(2000, 4))"
    )
    assert look(code) == "['openmp']"


# ------------------------------------------------------------------ the rest


def test_path_gets_the_interpreter_as_python_only_where_it_must(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    path = environment.with_python("/usr/bin", str(folder / "python3"), str(tmp_path / "shims"))
    assert path == f"{tmp_path / 'shims'}:/usr/bin"
    shim = tmp_path / "shims" / "python"
    assert subprocess.run([shim, "-c", "print(1)"], capture_output=True, text=True, check=True).stdout == "1\n"
    (folder / "python").symlink_to(sys.executable)
    path = environment.with_python("/usr/bin", str(folder / "python"), str(tmp_path))
    assert path == f"{folder}:/usr/bin"
    assert environment.with_python(path, str(folder / "python"), str(tmp_path)) == path


def test_a_very_long_message_is_cut_in_the_middle():
    failure = failure_of(ValueError("a" * 20_000 + "b" * 20_000))
    assert len(failure.message) < 17_000
    assert (failure.message[0], failure.message[-1]) == ("a", "b")
    assert "23616 characters left out" in failure.message


def test_a_process_sees_its_children_and_its_memory():
    child = subprocess.Popen(["sleep", "60"])
    assert child.pid in kernel.children()
    child.kill()
    child.wait()
    assert child.pid not in kernel.children()
    assert kernel.resident() > 1 << 20


HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "ruamel", "typer", "rich", "logging", "asyncio", "yamlflow.engine")


def loaded_by(module):
    """The modules that importing one loads, in a process of its own."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_worker_imports_nothing_that_a_task_may_not_have():
    assert loaded_by("yamlflow.worker.processes.nursery").isdisjoint(HEAVY)


def test_importing_yamlflow_imports_nothing_heavy():
    assert {name for name in loaded_by("yamlflow") if name.startswith("yamlflow")} == {"yamlflow"}
