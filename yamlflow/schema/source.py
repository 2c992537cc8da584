"""A file's text and its place: read once, within limits, never with an exception.

Whatever is wrong with the file itself (missing, a folder, too large, not
UTF-8) is a Diagnostic. Columns and lines are counted as YAML does: a line ends
with LF, CR LF or CR.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.diagnostics import Diagnostic, Span

MAX_BYTES = 256 * 1024
STDIN = "-"

_BREAK = re.compile("\r\n|\r|\n")
_WIDE_BOMS = {  # the longer ones first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file; `path` as it is shown to the user (`<stdin>` for standard input)."""

    path: str
    text: str
    lines: tuple[str, ...] = field(init=False, repr=False, compare=False)
    starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        breaks = [found.span() for found in _BREAK.finditer(self.text)]
        starts = (0, *(end for _, end in breaks))
        ends = (*(start for start, _ in breaks), len(self.text))
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "lines", tuple(self.text[a:b] for a, b in zip(starts, ends, strict=True)))

    def line(self, number: int) -> str:
        """Line `number` (1-based) without its end; empty when there is no such line."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    def place(self, index: int) -> tuple[int, int]:
        """Line and column (1-based) of the character at `index`; the end of the line for its break."""
        line = bisect_right(self.starts, index)
        return line, min(index - self.starts[line - 1], len(self.lines[line - 1])) + 1

    def index(self, line: int, column: int) -> int:
        """The character index of a line and column: the inverse of `place`."""
        return min(self.starts[line - 1] + column - 1, len(self.text))

    def span(self, start: int, end: int) -> Span:
        """The span of the characters [start, end)."""
        return Span(self.path, *self.place(start), *self.place(max(start, end)))


def read(path: str, stdin: str | bytes | None = None) -> Source | Diagnostic:
    """The file's text, or why there is none. `-` means the `stdin` that the caller has read."""
    if path == STDIN:
        return decode("<stdin>", stdin or b"")
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return _unreadable(path, error)
    return decode(path, data)


def decode(path: str, data: str | bytes) -> Source | Diagnostic:
    """The source of these bytes (or this text), if they are UTF-8, small enough and text."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        return _at_start(path, "limit", f"the file is larger than {MAX_BYTES // 1024} KiB", _TOO_LARGE)
    if (wide := _wide_encoding(data)) is not None:
        return _at_start(path, "encoding", f"the file is {wide}, not UTF-8", _RESAVE)
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(path, data, error)
    return _without_nul(Source(path, text))


_TOO_LARGE = "split it with `uses: ./other.yaml`; keep data in files of its own"
_RESAVE = "save the file as UTF-8"


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by byte order mark or by the zero bytes between ASCII letters."""
    for bom, name in _WIDE_BOMS.items():
        if data.startswith(bom):
            return name
    head = data[:64]
    if len(head) >= 4 and (not any(head[::2]) or not any(head[1::2])):
        return "UTF-16"
    return None


def _unreadable(path: str, error: OSError | ValueError) -> Diagnostic:
    message, help_text = f"the file cannot be read: {error}", None
    match error:
        case FileNotFoundError():
            message, help_text = "there is no such file", "check the path; `yamlflow init` writes a first pipeline"
        case IsADirectoryError():
            message, help_text = "this is a folder, not a file", "name the file in it, such as `pipeline.yaml`"
        case PermissionError():
            message, help_text = "no permission to read this file", "`ls -l` shows whose it is"
        case OSError():
            message = f"the file cannot be read: {error.strerror or error}"
        case _:
            pass
    return _at_start(path, "unreadable-file", message, help_text)


def _not_utf8(path: str, data: bytes, error: UnicodeDecodeError) -> Diagnostic:
    before = Source(path, data[: error.start].removeprefix(codecs.BOM_UTF8).decode("utf-8"))
    span = before.span(len(before.text), len(before.text))
    return Diagnostic("encoding", f"byte 0x{data[error.start]:02x} is not UTF-8 text", span, help=_RESAVE)


def _without_nul(source: Source) -> Source | Diagnostic:
    at = source.text.find("\0")
    if at < 0:
        return source
    return Diagnostic("encoding", "the file holds a NUL byte: it is not text", source.span(at, at + 1), help=_RESAVE)


def _at_start(path: str, code: str, message: str, help_text: str | None) -> Diagnostic:
    return Diagnostic(code, message, Span(path, 1, 1, 1, 1), help=help_text)
