"""Frames between launcher, nursery, template and task: one JSON object in one packet.

A packet holds at most INLINE bytes; a larger frame lies in a file that the
receiver reads and removes. SOCK_SEQPACKET keeps packets whole and in order, also
when a template and its tasks write to one socket, and it knows end of file.

    launcher -> nursery    template(id, spec) + the template's socket · kill(id)
    nursery  -> launcher   dead(id, status)
    launcher -> template   run(job) · kill(id, cause, force)
    template -> launcher   ready · unusable(failure) · exit(id, status, cause, seconds, cpu, memory)
    task     -> launcher   progress(id, message, fraction) · outcome(id, outcome)
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

INLINE = 60_000
"""Bytes of one packet; a default socket buffer takes three and their bookkeeping."""

PACKET = 1 << 16

Frame = dict[str, Any]

_encode = json.JSONEncoder(separators=(",", ":")).encode


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def pack(frame: Mapping[str, Any], spill: str) -> bytes:
    """The packet of a frame; `spill` is the path of the file that a large one is written to."""
    data = to_bytes(frame)
    if len(data) <= INLINE:
        return data
    os.makedirs(os.path.dirname(spill), mode=0o700, exist_ok=True)
    with open(spill, "wb", opener=_private) as file:
        file.write(data)
    return json.dumps({"op": "file", "path": spill}).encode()


def to_bytes(frame: Mapping[str, Any]) -> bytes:
    return _encode(frame).encode()


def unpack(data: bytes) -> Frame:
    frame: Frame = json.loads(data)
    if frame["op"] != "file":
        return frame
    with open(frame["path"], "rb") as file:
        inner: Frame = json.loads(file.read())
    os.unlink(frame["path"])
    return inner


def receive(source: socket.socket) -> Frame | None:
    """The next frame; None at end of file. Raises BlockingIOError when there is none yet."""
    try:
        data = source.recv(PACKET)
    except ConnectionResetError:  # the other end closed with packets of ours unread; what it had sent is still here
        data = source.recv(PACKET)
    return unpack(data) if data else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
