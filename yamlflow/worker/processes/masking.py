"""Secrets taken out of what a task writes: a safety net, not a wall.

Known values and their usual disguises (Base64 at each of three shifts; URL, JSON,
XML, shell and Python escapes) become `***` before they reach a file. A value cut in two by two
writes is found: as many bytes as the longest value are held back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

SHORTEST = 4
"""A shorter value would mask half of every log."""

MASK = b"***"
PIPE = 1 << 16


def forms(value: str) -> set[bytes]:
    """A value, each of its lines, and how they look in other dresses."""
    found: set[bytes] = set()
    for text in {value, *value.splitlines()}:
        plain = text.strip()
        if len(plain) >= SHORTEST:
            found |= {dress.encode(errors="surrogateescape") for dress in _escapes(plain)}
            found |= _base64_forms(plain.encode(errors="surrogateescape"))
    return found


def _escapes(text: str) -> set[str]:
    """A text as it stands in a URL, in JSON, XML, a shell's command and Python's own `repr`."""
    import json  # all late: a task without secrets does not carry them
    from html import escape
    from shlex import quote as shell_quote
    from urllib.parse import quote, quote_plus

    json_forms = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    xml_forms = (escape(text), escape(text, quote=False), escape(text).replace("&#x27;", "&apos;"))
    shell_forms = (shell_quote(text).strip("'"), text.replace("'", "'\\''"))
    python_forms = (repr(text)[1:-1], ascii(text)[1:-1])
    url_forms = (quote(text, safe=""), quote(text), quote_plus(text))
    return {text, *url_forms, *json_forms, *xml_forms, *shell_forms, *python_forms}


def _base64_forms(value: bytes) -> set[bytes]:
    """The part of its Base64 that is the same whatever stands around it, for each of the three places it may start."""
    import base64

    found = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value)
        start = (0, 2, 3)[shift]
        end = len(encoded) - (0, 3, 2)[(len(value) + shift) % 3]
        if end - start >= 2 * SHORTEST:
            found |= {encoded[start:end], encoded[start:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def pattern(values: Iterable[str]) -> re.Pattern[bytes] | None:
    """What to look for, longest first; None when there is nothing long enough to hide."""
    every = sorted({form for value in values for form in forms(value)}, key=len, reverse=True)
    if not every:
        return None
    import re

    return re.compile(b"|".join(map(re.escape, every)))


def masked(text: str, values: Iterable[str]) -> str:
    """A text without the secrets in it."""
    return cleaned(text.encode(errors="surrogatepass"), values).decode(errors="replace")


def cleaned(data: bytes, values: Iterable[str]) -> bytes:
    """Bytes without the secrets in them."""
    found = pattern(values)
    return found.sub(MASK, data) if found else data


class Masker:
    """The pipe between a task and its log."""

    def __init__(self, found: re.Pattern[bytes] | None, longest: int, log: int) -> None:
        self._found = found
        self._longest = longest
        self._held = b""
        self._log = log
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    @classmethod
    def of(cls, secrets: Sequence[str], log: str) -> Masker:
        longest = max((len(form) for value in secrets for form in forms(value)), default=1)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return cls(pattern(secrets), longest, target)

    def pump(self) -> bool:
        """Pass on what is there; False at end of file."""
        try:
            data = os.read(self.read_end, PIPE)
        except BlockingIOError:
            return True
        self._pass(self._held + data, last=False)
        return bool(data)

    def finish(self) -> None:
        """What is still in the pipe, and the held back end; whoever keeps the pipe open is not waited for."""
        while True:
            try:
                data = os.read(self.read_end, PIPE)
            except BlockingIOError:
                break
            if not data:
                break
            self._pass(self._held + data, last=False)
        self._pass(self._held, last=True)
        os.close(self.read_end)
        os.close(self._log)

    def _pass(self, data: bytes, *, last: bool) -> None:
        clean = self._found.sub(MASK, data) if self._found else data
        keep = 0 if last or not self._found else min(len(clean), self._longest - 1)
        self._held = clean[len(clean) - keep :]
        out = clean[: len(clean) - keep]
        while out:
            out = out[os.write(self._log, out) :]
