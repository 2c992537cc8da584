"""A server that answers as a test says, over http or https, cuts its answers off, and can be a proxy."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Said:
    status: int = 200
    body: bytes | str = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """The connection breaks after so many bytes of the body."""
    deaf: bool = False
    """The connection breaks before any answer."""


Script = Callable[[Asked], Said]


class Server:
    """Runs in a thread; `asked` is what came so far."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.lines = 0
        self.inner = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.inner.daemon_threads = True
        self.port = self.inner.server_address[1]
        if tls:
            self.inner.socket = tls.wrap_socket(self.inner.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.inner.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.inner.shutdown()
        self.thread.join()
        self.inner.server_close()

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.script(asked)


def in_turn(*answers: Said | Script) -> Script:
    """One answer after another; the last one for ever."""
    left = list(answers)

    def script(asked: Asked) -> Said:
        next_one = left.pop(0) if len(left) > 1 else left[0]
        return next_one if isinstance(next_one, Said) else next_one(asked)

    return script


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            server.lines += 1
            super().setup()

        def handle(self):
            with contextlib.suppress(OSError):  # who asked went away, or does not trust us
                super().handle()

        def finish(self):
            with contextlib.suppress(OSError):
                super().finish()

        def log_message(self, *_):
            pass

        def serve(self):
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = server.answer(Asked(self.command, self.path, headers, self.rfile.read(size)))
            if said.deaf:
                self._break_off()
                return
            body = said.body.encode() if isinstance(said.body, str) else said.body
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body if said.cut is None else body[: said.cut])
            if said.cut is not None:
                self._break_off()

        def _break_off(self):
            self.wfile.flush()
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = serve  # noqa: N815

    return Handler


# ---------------------------------------------------------------- a proxy


class Proxy:
    """Tunnels every host to one server; `tunnels` are the first lines and headers of those who asked."""

    def __init__(self, to: Server, *, refuses: bytes = b"") -> None:
        self.to = to
        self.refuses = refuses
        self.tunnels: list[str] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.thread = threading.Thread(target=self._welcome, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.thread.join()

    def _welcome(self) -> None:
        while True:
            try:
                guest, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(guest,), daemon=True).start()

    def _serve(self, guest: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += guest.recv(1 << 16)
        self.tunnels.append(head.decode())
        if self.refuses:
            guest.sendall(self.refuses)
            guest.close()
            return
        guest.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with guest, socket.create_connection(("127.0.0.1", self.to.port)) as host:
            back = threading.Thread(target=_pour, args=(host, guest), daemon=True)
            back.start()
            _pour(guest, host)
            back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(*answers: Said | Script, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(in_turn(*answers), tls) as server:
        yield server
