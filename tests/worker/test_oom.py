"""Control groups of either kind tell how often the kernel killed for memory."""

from __future__ import annotations

import pytest

from yamlflow.worker.processes.oom import kills

V2 = ("0::/user/app\n", "user/app/memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n")
V1 = ("9:name=systemd:/\n4:cpu,memory:/job\n0::/\n", "memory/job/memory.oom_control", "under_oom 0\noom_kill 2\n")


@pytest.mark.parametrize(("groups", "file", "text"), [V2, (V1[0].replace("cpu,", ""), *V1[1:]), V1])
def test_the_count_of_our_own_group_is_read(tmp_path, groups, file, text):
    (tmp_path / "groups").write_text(groups)
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert kills(str(tmp_path).rstrip("/"), str(tmp_path / "groups")) == 2


def test_a_machine_without_control_groups_counts_nothing(tmp_path):
    (tmp_path / "groups").write_text("0::/\n")
    assert kills(str(tmp_path), str(tmp_path / "groups")) == 0
    assert kills(str(tmp_path), str(tmp_path / "missing")) == 0
