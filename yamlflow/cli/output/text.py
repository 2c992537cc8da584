r"""Text of tasks, made safe for a terminal.

Whatever a task printed, raised or returned passes through here before a
person sees it: no escape sequence, control character or direction mark gets
through. Newlines and tabs stay; a progress bar's carriage returns leave its
last state. Nothing here knows colours or markup.
"""

from __future__ import annotations

import json
import re

MAX_LINE = 4096

_SEQUENCES = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]                          # CSI: colours, cursor, screen
    | (?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z|(?=\x1b))  # OSC, DCS, SOS, PM, APC
    | \x1b[ -/]*[0-~]                                         # two-character sequences
    """,
    re.VERBOSE,
)
# C0 but newline and tab, DEL, C1, soft hyphen, zero-width and direction marks, separators, surrogates, byte order mark
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
_BACKSPACED = re.compile(r"[^\x08\n]\x08")


def clean(text: str) -> str:
    """`text` without anything that could move, colour or fool a terminal."""
    text = _SEQUENCES.sub("", text)
    if "\r" in text:
        text = "\n".join(_last_state(line) for line in text.replace("\r\n", "\n").split("\n"))
    while "\x08" in text and _BACKSPACED.search(text):
        text = _BACKSPACED.sub("", text)
    return _CONTROLS.sub("", text)


def one_line(text: str, limit: int = 200) -> str:
    """`text` as one line of at most `limit` characters, cleaned, white space folded."""
    folded = " ".join(clean(text[: limit * 8]).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def log_line(raw: bytes) -> str:
    """A line of a log file for the screen: a bar's last state, decoded, cleaned, cut at 4 KiB."""
    shown = next((part for part in reversed(raw.rstrip(b"\r\n").split(b"\r")) if part), b"")
    text = clean(shown[: MAX_LINE + 1].decode("utf-8", errors="replace"))
    return text if len(shown) <= MAX_LINE else text + " … (line cut)"


def safe_json(value: object, *, indent: int | None = None) -> str:
    """JSON whose strings hold no raw control or direction character either."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _last_state(line: str) -> str:
    """What a terminal would show of a line with carriage returns: the text after the last one that has any."""
    return next((part for part in reversed(line.split("\r")) if part), "")
