"""Where yamlflow does not run it says so, before it imports anything that is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WINDOWS = """
import sys

MISSING = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
sys.platform = "win32"
sys.path.insert(0, ROOT)
"""


def on_windows(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    start = WINDOWS.replace("ROOT", repr(str(ROOT)))
    return subprocess.run(
        [sys.executable, "-I", "-c", start + code, *words], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",), ("run", "pipeline.yaml"), ("nonsense",)])
def test_on_windows_every_command_ends_with_78_and_one_sentence_that_names_wsl(words):
    ran = on_windows("import runpy; runpy.run_module('yamlflow', run_name='__main__')", *words)
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr == (
        "error: yamlflow does not run on Windows itself: "
        "run it in WSL, the Windows Subsystem for Linux (`wsl --install`)\n"
    )


def test_the_script_goes_the_same_way():
    ran = on_windows("from yamlflow.__main__ import main; main()")
    assert ran.returncode == 78
    text = (ROOT / "pyproject.toml").read_text()
    assert 'yamlflow = "yamlflow.__main__:main"' in text


def test_on_windows_code_that_steps_call_can_be_imported_and_running_says_what_to_do():
    ran = on_windows(
        "import yamlflow\n"
        "assert issubclass(yamlflow.Skip, Exception)\n"
        "try: yamlflow.run\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("SetupError yamlflow does not run on Windows itself: run it in WSL")


def test_the_windows_of_these_tests_has_none_of_the_modules():
    ran = on_windows("import fcntl")
    assert ran.returncode == 1
    assert "No module named 'fcntl'" in ran.stderr
