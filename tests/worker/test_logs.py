"""A task's log: what the disk does not take is lost, and no task is harmed."""

from __future__ import annotations

import os

import pytest

from yamlflow.worker.processes import logs


def test_a_full_disk_swallows_what_a_task_prints():
    descriptor = os.open("/dev/full", os.O_WRONLY)
    stream = logs.open_stream(descriptor)
    for line in range(3):
        print("line", line, "ä", file=stream, flush=True)
    stream.buffer.write(b"bytes")
    stream.flush()
    os.close(descriptor)


def test_a_closed_log_is_the_tasks_own_mistake():
    reader, writer = os.pipe()
    os.close(reader)
    with logs.Lossy(writer, "wb") as log, pytest.raises(BrokenPipeError):
        log.write(b"nobody reads this")


def test_a_log_that_cannot_be_cut_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "HEAD", 10)
    monkeypatch.setattr(logs, "TAIL", 10)
    (tmp_path / "log").mkdir()
    logs.finish(str(tmp_path / "log"))
    (tmp_path / "file").write_bytes(b"h" * 10 + b"m" * 50 + b"t" * 10)
    logs.finish(str(tmp_path / "file"))
    assert (
        tmp_path / "file"
    ).read_bytes() == b"h" * 10 + "\n… log truncated: 50 bytes dropped …\n".encode() + b"t" * 10
