"""A template before and after its forks: desks used again, a heap without holes, a rehearsal without a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.worker.processes import frames, rehearsal
from yamlflow.worker.processes.desks import SPARE, Desks, open_log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def desks(tmp_path):
    made = Desks()
    for name in ("logs", "scratch"):
        (tmp_path / name).mkdir()
    return made


def log_of(desks, path) -> int:
    """The inode of a log that is asked for."""
    desks.log(str(path))
    os.close(open_log(str(path)))
    return path.stat().st_ino


def test_an_empty_log_becomes_the_next_tasks_log(desks, tmp_path):
    first, second = tmp_path / "logs" / "a", tmp_path / "logs" / "b"
    inode = log_of(desks, first)
    desks.take_log(str(first))
    assert log_of(desks, second) == inode
    assert not first.exists()
    assert second.stat().st_mode & 0o777 == 0o600


def test_an_empty_scratch_folder_becomes_the_next_tasks(desks, tmp_path):
    first, second = tmp_path / "scratch" / "a", tmp_path / "scratch" / "b"
    desks.scratch(str(first))
    inode = first.stat().st_ino
    desks.take_scratch(str(first))
    assert not first.exists()
    desks.scratch(str(second))
    assert second.stat().st_ino == inode
    assert second.stat().st_mode & 0o777 == 0o700


def test_a_spare_desk_that_somebody_took_away_or_put_something_in_the_place_of_is_made_anew(desks, tmp_path):
    gone, full, new = (tmp_path / "scratch" / name for name in ("gone", "full", "new"))
    for path in (gone, full):
        desks.scratch(str(path))
        desks.take_scratch(str(path))
    for spare in (tmp_path / "scratch").iterdir():
        spare.rmdir()
    desks.take_log(str(tmp_path / "logs" / "gone"))
    desks.scratch(str(new))
    log_of(desks, tmp_path / "logs" / "new")
    assert new.is_dir()
    with pytest.raises(FileExistsError):
        desks.scratch(str(new))


def test_only_a_few_spare_desks_are_kept_and_none_stays_at_the_end(desks, tmp_path):
    paths = [tmp_path / "scratch" / str(number) for number in range(SPARE + 3)]
    for path in paths:
        desks.scratch(str(path))
    for path in paths:
        desks.take_scratch(str(path))
    assert len(list(tmp_path.glob("scratch/*"))) == SPARE
    desks.clear()
    assert list(tmp_path.glob("scratch/*")) == []


def test_a_rehearsal_changes_no_folder_no_output_and_of_the_environment_only_what_each_task_sets(tmp_path):
    code = (
        "import os, sys; from yamlflow.worker.processes import nursery, rehearsal;"
        "before = dict(os.environ), os.getcwd();"
        "rehearsal.rehearse(); rehearsal.fill_holes();"
        "after = {name: value for name, value in os.environ.items() if not name.startswith('YAMLFLOW_')};"
        "assert before == (after, os.getcwd());"
        "assert 'threading' not in sys.modules"
    )
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_objects_made_after_the_holes_are_filled_lie_on_few_pages():
    body = 128 - sys.getsizeof(b"")
    crowd = [bytes(body) for _ in range(20_000)]
    del crowd[::100]
    rehearsal.fill_holes()
    pages = {id(made) >> 12 for made in [bytes(body) for _ in range(20)]}
    assert len(pages) <= 4


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_a_frame_is_the_json_that_everybody_reads(body):
    frame = {"op": "run", "body": body}
    packed = frames.to_bytes(frame)
    assert json.loads(packed) == frame
    assert frames.unpack(packed) == frame


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        frames.to_bytes({"op": "run", "body": object()})
