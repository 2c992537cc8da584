"""A bucket in a process that forks; what is imported at the start of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback

from tests.worker.s3.servers import Asked, Said, serving


def in_child(work) -> bool:
    """Whether this ends well in a fork."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the child must end here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_a_child_does_not_talk_on_its_parents_connection(opened):
    def script(asked: Asked) -> Said:
        return Said(200, asked.path.encode())

    with serving(script) as server:
        bucket = opened(server)
        bucket.get("parent")

        def work() -> None:
            assert bucket.get("child") == b"/bucket/child"

        assert in_child(work)
        assert bucket.get("parent") == b"/bucket/parent"
        assert server.lines == 2  # the parent's, which is good still, and the child's own


def test_a_worker_that_starts_imports_nothing_of_it():
    code = "import sys, yamlflow.worker.processes.nursery, yamlflow.worker.storage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "yamlflow.worker.storage" in loaded
    assert loaded & {"ssl", "http.client", "yamlflow.worker.s3"} == set()


def test_it_is_imported_without_anything_but_the_standard_library():
    code = "import sys; sys.path.insert(0, '.'); import yamlflow.worker.s3.bucket; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert tops - set(sys.stdlib_module_names) - {"yamlflow", "__main__"} == set()
