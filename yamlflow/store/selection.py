"""Which files of a project are its code: those that count for the cache of commands, and travel to other machines.

Under one root: what git tracks, and what it does not ignore; without git all
but dot folders and large files. `include` adds what git ignores, `exclude` takes
files out and goes before it. Never, whatever anybody says: `.git` and its like,
state folders, environments, bytecode, and what looks like a key or a secret.

A link counts as a copy of what it leads to, when that is in the package itself;
any other is left out, so nothing gets in through one. Looks at names and sizes
and asks git; reads no content, writes nothing.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError
from yamlflow.core.patterns import Pattern, parse_pattern, pattern_of
from yamlflow.store import git
from yamlflow.worker.package import bad_name

LARGEST = 50 << 20
"""Bytes of a file that still counts where no git says what belongs to the project."""

MOST = 200_000
"""Files that are looked at where no git lists them, before somebody is asked whether this is a project at all."""

SECRET = "it looks like a key or a secret"
IGNORED = "ignored by git"
OUTSIDE = "a link to what is not in the package"

_SECRETS = re.compile(
    r"(?!.*\.py\Z)(?:"
    r".*\.(?:pem|key|p12|pfx|jks|keystore)|id_(?:rsa|dsa|ecdsa|ed25519).*|credentials\.json|"
    r"\.(?:env|env\..*|envrc|netrc|pypirc|git-credentials|htpasswd)"
    r")\Z",
    re.IGNORECASE | re.DOTALL,
)
_SECRET_FOLDERS = re.compile(r"\.(?:ssh|aws|gnupg|kube)\Z")
_NEVER = frozenset({".git", ".hg", ".svn", ".yamlflow", "__pycache__"})
_UNASKED = frozenset({"node_modules"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a folder with all in it (its name ends with a slash), that is not in the package.

    `remedy`: what to do about it, where it is something else than to include it.
    """

    name: str
    why: str
    remedy: str = ""

    def holds(self, name: str) -> bool:
        """Whether it is this file, or a folder around it."""
        return name == self.name or (self.name.endswith("/") and name.startswith(self.name))


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a package by their names in it, in order, and what was left out.

    `links` are those that lead to something that is not in it.
    """

    root: Path
    files: Mapping[str, Path]
    left_out: tuple[LeftOut, ...] = ()
    links: Mapping[str, Path] = field(default_factory=dict)

    def absence(self, path: Path) -> tuple[str, str] | None:
        """Why a file below the root is not in the package, and what to do about it; None when it is."""
        name = path.relative_to(self.root).as_posix()
        if name in self.files:
            return None
        out = next((out for out in self.left_out if out.holds(name)), LeftOut(name, "nobody counts it as code"))
        return out.why, out.remedy or f"name it: `code: {{include: [{pattern_of(name)}]}}`"


def select(root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Selection:
    """The package of a folder. Raises SetupError where there is a git that does not answer."""
    listed = git.listed(root)
    choice = _chosen(root, include, exclude, listed, most=MOST)
    for name in git.ignored(root) if listed is not None else ():
        choice.ignore(name)
    return choice.made()


def code_files(roots: Sequence[Path], include: Sequence[str] = (), exclude: Sequence[str] = ()) -> dict[str, Path]:
    """What commands depend on, by name: files under these roots, and where their links lead.

    The patterns are the first root's; roots inside other roots add nothing. A git that does not answer is none.
    """
    found: dict[str, Path] = {}
    for root in dict.fromkeys(roots):
        if any(root != other and root.is_relative_to(other) for other in roots):
            continue
        patterns = (include, exclude) if root == roots[0] else ((), ())
        chosen = _chosen(root, *patterns, _listed(root)).made()
        for name, path in {**chosen.links, **chosen.files}.items():
            found.setdefault(name, path)
    return dict(sorted(found.items()))


def _listed(root: Path) -> list[str] | None:
    try:
        return git.listed(root)
    except SetupError:
        return None


def _chosen(
    root: Path, include: Sequence[str], exclude: Sequence[str], listed: Sequence[str] | None, most: float = math.inf
) -> _Choice:
    choice = _Choice(root, exclude, most)
    choice.take(choice.walked() if listed is None else listed)
    if include:
        choice.take(choice.included([parse_pattern(text) for text in include]))
    return choice


class _Choice:
    """Files of one root on their way into a selection, or out of it."""

    def __init__(self, root: Path, exclude: Sequence[str], most: float) -> None:
        self._root = root
        self._most = most
        self._exclude = [parse_pattern(text) for text in exclude]
        self._folders: dict[str, LeftOut | None] = {"": None}
        self._files: dict[str, Path] = {}
        self._links: dict[str, Path] = {}
        self._out: dict[str, LeftOut] = {}

    # ---------------------------------------------------------------- candidates

    def walked(self) -> Iterator[str]:
        """What counts without git."""
        for name in self._all(asked=False):
            if _bytes(self._root / name) <= LARGEST:
                yield name
            else:
                self._leave(LeftOut(name, f"larger than {LARGEST >> 20} MiB, and there is no git that tracks it"))

    def included(self, patterns: Sequence[Pattern]) -> Iterator[str]:
        """What is asked for by name, ignored or not."""
        return (name for name in self._all(asked=True) if any(pattern.fits(name) for pattern in patterns))

    def _all(self, *, asked: bool) -> Iterator[str]:
        """Every file and link under the root, but for folders that nobody may have, or nobody `asked` for."""
        seen = 0
        for place, folders, files in os.walk(self._root, onerror=self._unread):
            seen += len(files)
            if seen > self._most:
                hint = "name the folder with the code: `code: {root: …}`, or put an empty yamlflow.toml into it"
                raise SetupError(f"{self._root} has more than {self._most:,} files: is it really a project?", hint=hint)
            below = os.path.relpath(place, self._root)
            front = "" if below == "." else f"{below}/"
            links = [name for name in folders if Path(place, name).is_symlink()]
            folders[:] = sorted(name for name in folders if name not in links and self._entered(front + name, asked))
            yield from (front + name for name in sorted([*files, *links]))

    def _entered(self, folder: str, asked: bool) -> bool:
        last = folder.rpartition("/")[2]
        refused = self._folder(folder)
        if refused is None and not asked and (last.startswith(".") or last in _UNASKED):
            refused = LeftOut(f"{folder}/", "not part of a project as a rule")
        if refused is not None:
            self._leave(refused)
        return refused is None

    def _unread(self, error: OSError) -> None:
        name = os.path.relpath(error.filename, self._root)
        self._leave(LeftOut(f"{name}/", f"it cannot be read: {error.strerror}"))

    # ---------------------------------------------------------------- judgement

    def take(self, names: Iterable[str]) -> None:
        for name in names:
            refused = self._refused(name)
            path = self._root / name
            if refused is not None:
                self._leave(refused)
            elif path.is_symlink():
                self._links[name] = path
            elif path.is_file():
                self._files[name] = path
            elif path.exists():
                self._leave(LeftOut(name, "neither a file nor a folder"))

    def ignore(self, name: str) -> None:
        """Git ignores it; what is out for another reason too, or made anew by everybody, is not worth a word."""
        parts = name.rstrip("/").split("/")
        if not _NEVER.intersection(parts) and not name.endswith(".pyc"):
            self._out[name] = LeftOut(name, IGNORED)

    def _leave(self, out: LeftOut) -> None:
        if out.why:
            self._out[out.name] = out

    def _refused(self, name: str) -> LeftOut | None:
        folder, _, last = name.rpartition("/")
        return self._folder(folder) or self._own(name, last, _SECRETS)

    def _folder(self, name: str) -> LeftOut | None:
        """Why nothing of a folder is taken: its own name, what it holds, or a folder around it."""
        if name not in self._folders:
            around, _, last = name.rpartition("/")
            self._folders[name] = self._folder(around) or self._own(f"{name}/", last, _SECRET_FOLDERS)
        return self._folders[name]

    def _own(self, name: str, last: str, secrets: re.Pattern[str]) -> LeftOut | None:
        if last in _NEVER or last.endswith(".pyc"):
            return LeftOut(name, "")
        if secrets.match(last):
            return LeftOut(name, SECRET, "give it another name; secrets are for `secrets:`")
        for pattern in self._exclude:
            if pattern.fits(name):
                return LeftOut(name, f"excluded by `{pattern.text}`", "take the pattern out of `code: exclude`")
        if why := bad_name(name.rstrip("/")):
            return LeftOut(name, why, "give it another name")
        return _by_content(name, self._root / name) if name.endswith("/") else None

    # ---------------------------------------------------------------- links

    def made(self) -> Selection:
        """The selection, with links as copies of what they lead to."""
        files = dict(self._files)
        dead: dict[str, Path] = {}
        for name, path in self._links.items():
            copies = self._copies(name, path)
            files.update(copies)
            if not copies:
                dead[name] = path
                self._leave(LeftOut(name, OUTSIDE))
        out = tuple(one for name, one in sorted(self._out.items()) if name not in files)
        return Selection(self._root, dict(sorted(files.items())), out, dead)

    def _copies(self, name: str, path: Path) -> dict[str, Path]:
        try:
            target = path.resolve().relative_to(self._root.resolve()).as_posix()
        except (OSError, RuntimeError, ValueError):  # a circle, or outside
            return {}
        if target in self._files:
            return {name: self._files[target]}
        front = "" if target == "." else f"{target}/"
        inside = ((f"{name}/{one[len(front) :]}", file) for one, file in self._files.items() if one.startswith(front))
        return {one: file for one, file in inside if self._refused(one) is None}


def _bytes(path: Path) -> int:
    """The size of a file; a link, or one that has just gone away, has none."""
    try:
        return 0 if path.is_symlink() else path.stat().st_size
    except OSError:
        return 0


def _by_content(name: str, path: Path) -> LeftOut | None:
    """A folder that is what it is by what lies in it: an environment, or where runs are kept."""
    if (path / "pyvenv.cfg").exists() or (path / "conda-meta").exists():
        return LeftOut(name, "an environment", "keep code of your own outside of it")
    return LeftOut(name, "") if (path / "state.db").exists() and (path / "store").is_dir() else None
