"""Frames between launcher, nursery, template, task and worker: one JSON object in one packet.

A packet holds at most INLINE bytes; a larger frame lies in a file that the
receiver reads and removes. SOCK_SEQPACKET keeps packets whole and in order, also
when a template and its tasks write to one socket, and it knows end of file.
Where there is none (macOS), a SOCK_STREAM carries each packet behind its length;
a writer that shares it with others must block, for a blocking write stays in one piece.

    launcher -> nursery    template(id, spec) + the template's socket and bell · kill(id)
    nursery  -> launcher   dead(id, status)
    launcher -> template   run(common, each) · kill(id, cause, force) · release(id)
                           worker(id, desk) + its socket and page · end(id, number, cause, force)
    template -> launcher   ready · unusable(failure) · exit(each: id, status, cause, seconds, cpu, memory, back)
                           back(back): the ids of what was not begun, and now never is
                           left(id, status, cause, memory)
    task     -> launcher   progress(id, message, fraction) · outcome(id, outcome)
    launcher -> worker     jobs(first, common, each)
    worker   -> launcher   progress(id, message, fraction) · done(number, outcome)
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from json import encoder
from typing import Any

from yamlflow.worker.processes import kernel

INLINE = 60_000
"""Bytes of one packet; a default socket buffer takes three and their bookkeeping."""

PACKET = 1 << 16

Frame = dict[str, Any]

_WIDTH = struct.calcsize("i")

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""What `json.loads` comes to for a text of our own, without its six steps before it."""


def _make_encoder() -> Callable[[Any], bytes]:
    """What `json.dumps` comes to, made once and not for each frame, where the standard library lets us."""
    make: Any = getattr(encoder, "c_make_encoder", None)
    try:
        chunks = make(None, _refuse, encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
        "".join(chunks({"a": [1]}, 0))
    except TypeError:
        encode = json.JSONEncoder(separators=(",", ":")).encode
        return lambda frame: encode(frame).encode()
    return lambda frame: "".join(chunks(frame, 0)).encode()


def _refuse(value: object) -> Any:
    raise TypeError(f"not JSON: {value!r}")


_encode = _make_encoder()


class Channel:
    """One end of a conversation in packets."""

    def __init__(self, inner: socket.socket) -> None:
        self._socket = inner
        self.fileno = inner.fileno
        self.close = inner.close
        self.setblocking = inner.setblocking

    def send(self, packet: bytes, descriptors: Sequence[int] = ()) -> bool:
        """Whether there was room for it; a blocking one waits for room. Raises OSError when nobody listens."""
        try:
            if descriptors:
                socket.send_fds(self._socket, [packet], descriptors)
            else:
                self._socket.send(packet)
        except BlockingIOError:
            return False
        return True

    def flush(self) -> bool:
        """Whether all that was sent is really gone."""
        return True

    def receive(self) -> Frame | None:
        """The next frame; None at end of file. Raises BlockingIOError when there is none yet."""
        try:
            data = self._socket.recv(PACKET)
        except ConnectionResetError:  # the other end closed with packets of ours unread; what it had sent is still here
            data = self._socket.recv(PACKET)
        return unpack(data) if data else None

    def receive_with(self, most: int) -> tuple[Frame | None, list[int]]:
        """The next frame, and the descriptors that came with it; for a blocking end."""
        data, descriptors = self._packet_with(PACKET, most)
        return (unpack(data) if data else None), descriptors

    def _packet_with(self, size: int, most: int) -> tuple[bytes, list[int]]:
        try:
            data, extra, _, _ = self._socket.recvmsg(size, socket.CMSG_SPACE(most * _WIDTH))
        except ConnectionResetError:  # it went with words of ours unread
            return b"", []
        descriptors = _descriptors(extra) if extra else []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return data, descriptors


def _descriptors(extra: Sequence[tuple[int, int, bytes]]) -> list[int]:
    """Those among what came beside a packet."""
    found = [data for level, kind, data in extra if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)]
    return [number for data in found for (number,) in struct.iter_unpack("i", data[: len(data) // _WIDTH * _WIDTH])]


class Stream(Channel):
    """The same over a stream: each packet behind its length, in four bytes."""

    def __init__(self, inner: socket.socket) -> None:
        super().__init__(inner)
        self._leaving = b""
        self._come = b""

    def send(self, packet: bytes, descriptors: Sequence[int] = ()) -> bool:
        if not self.flush():
            return False
        data = len(packet).to_bytes(4, "big") + packet
        try:
            sent = socket.send_fds(self._socket, [data], descriptors) if descriptors else self._socket.send(data)
        except BlockingIOError:
            return False
        self._leaving = data[sent:]
        self.flush()
        return True

    def flush(self) -> bool:
        while self._leaving:
            try:
                self._leaving = self._leaving[self._socket.send(self._leaving) :]
            except BlockingIOError:
                return False
        return True

    def receive(self) -> Frame | None:
        """Reads no byte beyond the frame: whoever waits for the socket to be readable misses none."""
        while len(self._come) < (wanted := self._wanted()):
            try:
                data = self._socket.recv(wanted - len(self._come))
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._come += data
        packet, self._come = self._come[4:], b""
        return unpack(packet)

    def _wanted(self) -> int:
        return 4 if len(self._come) < 4 else 4 + int.from_bytes(self._come[:4], "big")

    def receive_with(self, most: int) -> tuple[Frame | None, list[int]]:
        self._come, descriptors = self._packet_with(4, most)
        return (self.receive() if self._come else None), descriptors


def pair() -> tuple[Channel, Channel]:
    kind = socket.SOCK_SEQPACKET if kernel.has_packets() else socket.SOCK_STREAM
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    return _over(ours), _over(theirs)


def inherited(descriptor: int) -> Channel:
    """The channel behind a descriptor that came from another process."""
    os.set_inheritable(descriptor, False)
    return _over(socket.socket(fileno=descriptor))


def _over(inner: socket.socket) -> Channel:
    return Stream(inner) if inner.type == socket.SOCK_STREAM else Channel(inner)


def pack(frame: Mapping[str, Any], spill: str) -> bytes:
    """The packet of a frame; `spill` is the path of the file that a large one is written to."""
    data = _encode(frame)
    if len(data) <= INLINE:
        return data
    os.makedirs(os.path.dirname(spill), mode=0o700, exist_ok=True)
    with open(spill, "wb", opener=_private) as file:
        file.write(data)
    return json.dumps({"op": "file", "path": spill}).encode()


def to_bytes(frame: Mapping[str, Any]) -> bytes:
    return _encode(frame)


def unpack(data: bytes) -> Frame:
    frame: Frame = _scan(data.decode(), 0)[0]
    if frame["op"] != "file":
        return frame
    with open(frame["path"], "rb") as file:
        inner: Frame = json.loads(file.read())
    os.unlink(frame["path"])
    return inner


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
