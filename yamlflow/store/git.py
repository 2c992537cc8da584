"""What git says of the files below a folder: which belong to the project, and which it ignores.

Asks `git ls-files` and nothing else; repositories inside (submodules too) are
asked for their own. A folder without git is None; a repository whose git does
not answer is an error, since then nobody knows what it would have ignored.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from yamlflow.core.errors import SetupError

_LISTED = ("--cached", "--others", "--exclude-standard")
_IGNORED = ("--others", "--ignored", "--exclude-standard", "--directory")
_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})


def listed(root: Path) -> list[str] | None:
    """The files that git tracks or does not ignore, as it lists them; links as links. None where there is no git.

    Raises SetupError.
    """
    names = _asked(root, _LISTED)
    if names is None:
        return None
    return [found for name in dict.fromkeys(names) for found in _unfolded(root, name)]


def ignored(root: Path) -> list[str]:
    """What git ignores; a folder that is ignored as a whole is one name, with a slash at its end."""
    return _asked(root, _IGNORED) or []


def _unfolded(root: Path, name: str) -> list[str]:
    """The files of a repository inside this one; of a file its name, of one that is not there nothing."""
    try:
        mode = (root / name).lstat().st_mode
    except OSError:
        return []
    if not stat.S_ISDIR(mode):
        return [name]
    inside = listed(root / name) or []
    return [f"{name.rstrip('/')}/{one}" for one in inside]


def _asked(root: Path, what: tuple[str, ...]) -> list[str] | None:
    import subprocess  # slow to import, and seldom needed

    # A hook of git's own must not point elsewhere; nothing of the repository's configuration is started.
    environ = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | {"LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), "ls-files", "-z", *what]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, env=environ)
    except OSError as error:
        _check_absent(root, f"git cannot be started: {error.strerror or error}")
        return None
    if done.returncode == 0:
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    said = os.fsdecode(done.stderr).strip().splitlines()
    _check_absent(root, said[0].removeprefix("fatal: ") if said else f"exit code {done.returncode}")
    return None


def _check_absent(root: Path, why: str) -> None:
    """No answer is one where nothing looks like a repository; else a SetupError."""
    folder = next((one for one in (root, *root.parents) if (one / ".git").exists()), None)
    if folder is not None:
        raise SetupError(
            f"git does not say which files of {folder} belong to the project: {why}",
            hint=f"find out with: git -C {root} status",
        )
