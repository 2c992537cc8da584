"""Code packages on their way into the store: a project's files, and yamlflow's own worker, each one archive by content.

The layout is worker.package's. What goes in was selected before (see selection);
here it is read, once, and checked against the limits before a byte is written.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from binascii import crc32
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

from yamlflow.core.errors import AccessError, SetupError, StateError, TemporaryError
from yamlflow.core.patterns import pattern_of
from yamlflow.core.values import ArtifactRef
from yamlflow.store.artifacts import ArtifactStore
from yamlflow.worker.disk import CHUNK
from yamlflow.worker.package import FILES, TOTAL, Member, clash, directory, header
from yamlflow.worker.seals import digest_of

FORMAT = "code"
"""What an ArtifactRef to a package says of its format."""

_SHOWN = 5
_HOME = Path(__file__).parents[1]
_TRAVELS = ("core", "worker")


def store_code(files: Mapping[str, Path], store: ArtifactStore) -> ArtifactRef:
    """Packs files by their names and stores the archive, unless the same is there.

    Raises SetupError for what makes no package, StateError where it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="yamlflow-") as folder:
            archive = Path(folder, "code.zip")
            pack(files, archive)
            digest, size = store.put_file(archive, move=True)
    except OSError as error:
        raise StateError(f"the code package cannot be written: {error}", hint="free some space") from error
    return ArtifactRef(digest, FORMAT, size)


def store_worker(store: ArtifactStore) -> ArtifactRef:
    """The archive of what runs where a task runs, stored unless it is there."""
    digest, content = worker_package()
    store.put_bytes([content])
    return ArtifactRef(digest, FORMAT, len(content))


def pack(files: Mapping[str, Path], archive: Path) -> str:
    """Writes files by their names into a new archive; gives its digest. Raises SetupError, and OSError of the disk."""
    check_sizes(sizes(files))
    if two := clash(files):
        hint = f"rename one of them, or leave it out: `code: {{exclude: [{pattern_of(two[0])}]}}`"
        raise SetupError(f"{two[0]} and {two[1]} cannot lie in one folder on every machine", hint=hint)
    with archive.open("xb") as out:
        _write(files, out)
    return digest_of(str(archive))


@cache
def worker_package() -> tuple[str, bytes]:
    """Digest and bytes of yamlflow's `core` and `worker`: all that a Python of 3.10 or newer needs to run a task."""
    found = [_HOME / "__init__.py", *(path for layer in _TRAVELS for path in (_HOME / layer).rglob("*.py"))]
    out = io.BytesIO()
    _write({path.relative_to(_HOME.parent).as_posix(): path for path in found}, out)
    return hashlib.sha256(out.getvalue()).hexdigest(), out.getvalue()


def roots_inside(code_roots: Sequence[str], root: str, at: str) -> tuple[str, ...]:
    """The import roots of a project that was packed from `root` as they are in the package's folder `at`.

    What lies outside of the package is not among them; the package itself stands for none.
    """
    inside = [os.path.relpath(one, root) for one in code_roots if Path(one).is_relative_to(root)]
    return tuple(dict.fromkeys(os.path.normpath(f"{at}/{one}") for one in inside)) or (at,)


# -------------------------------------------------------------------- limits


def sizes(files: Mapping[str, Path]) -> dict[str, int]:
    """The bytes of every file. Raises AccessError for one that may not be read."""
    found = {}
    for name, path in files.items():
        try:
            found[name] = path.stat().st_size
        except FileNotFoundError:
            raise _gone(path) from None
        if not os.access(path, os.R_OK):
            hint = f"let it be read, or leave it out: `code: {{exclude: [{pattern_of(name)}]}}`"
            raise AccessError(f"{path} cannot be read, and belongs to the code package", hint=hint)
    return found


def check_sizes(found: Mapping[str, int]) -> None:
    """A SetupError where these are too many files or bytes for a package; it names the largest."""
    total = sum(found.values())
    if total > TOTAL:
        largest = sorted(found, key=lambda name: (-found[name], name))[:_SHOWN]
        listed = ", ".join(f"{name} ({found[name] / 2**20:,.0f} MiB)" for name in largest)
        hint = f"leave out what tasks do not need: `code: {{exclude: [{pattern_of(largest[0])}]}}`"
        said = (
            f"the code package has {total / 2**20:,.0f} MiB, and at most {TOTAL >> 20:,} are shipped; the largest files"
        )
        raise SetupError(f"{said}: {listed}", hint=hint)
    if len(found) > FILES:
        tops: dict[str, int] = {}
        for name in found:
            tops[name.partition("/")[0]] = tops.get(name.partition("/")[0], 0) + 1
        fullest = sorted(tops, key=lambda name: (-tops[name], name))[:_SHOWN]
        listed = ", ".join(f"{name} ({tops[name]:,})" for name in fullest)
        hint = f"leave out what tasks do not need: `code: {{exclude: [{pattern_of(fullest[0])}]}}`"
        said = f"the code package has {len(found):,} files, and at most {FILES:,} are shipped; most of them in"
        raise SetupError(f"{said}: {listed}", hint=hint)


# -------------------------------------------------------------------- writing


def _write(files: Mapping[str, Path], out: BinaryIO) -> None:
    members = [_add(name, files[name], out) for name in sorted(files)]
    out.write(directory(members))


def _add(name: str, path: Path, out: BinaryIO) -> Member:
    """One file as it is now, read once; its header is written again when its sum is known."""
    at, crc, size = out.tell(), 0, 0
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        raise _gone(path) from None
    with file:
        executable = bool(os.fstat(file.fileno()).st_mode & 0o100)
        out.write(header(Member(name, 0, 0)))
        while size <= TOTAL and (chunk := file.read(CHUNK)):
            crc, size = crc32(chunk, crc), size + len(chunk)
            out.write(chunk)
    check_sizes({name: size})  # it may have grown since it was looked at
    member = Member(name, crc, size, executable)
    end = out.tell()
    out.seek(at)
    out.write(header(member))
    out.seek(end)
    return member


def _gone(path: Path) -> TemporaryError:
    hint = "run it again when nothing writes there"
    return TemporaryError(f"{path} went away while the code package was made", hint=hint)
