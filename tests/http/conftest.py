"""A vendor's server made of bytes and threads, so that a test scripts every fault a socket can show."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from notifyhub.http import HttpClient, fast_transport, pooled_transport

T = TypeVar("T")
Script = Callable[["Connection"], None]


class Connection:
    """The server's end of one connection."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.buffer = b""
        self.over = threading.Event()
        """Set when the script has ended."""

    def request(self) -> bytes | None:
        """The next whole request, counted; None when the client hung up."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-l")
            ),
            0,
        )
        while len(rest) < length:
            if not self._more():
                return None
            rest = self.buffer.partition(b"\r\n\r\n")[2]
        self.buffer = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self.server.requests.append(request)
        return request

    def _more(self) -> bool:
        try:
            chunk = self.sock.recv(65536)
        except OSError:
            return False
        self.buffer += chunk
        return bool(chunk)

    def send(self, data: bytes) -> bool:
        """Whether it could be sent; the client may be gone, which is no fault of the test."""
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        return True

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def until_closed(self) -> None:
        """Wait until the client closes its end."""
        while self._more():
            pass


class Server:
    """Listens on 127.0.0.1 and runs a script for each connection, in a thread of its own."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections: list[Connection] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/submit"

    def __enter__(self) -> Server:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
        # A script ends when the client hangs up: one that still runs shows a socket the client has leaked.
        leaked = [thread for thread in self._threads if thread.is_alive()]
        for connection in self.connections:
            connection.sock.close()
        assert not leaked, f"{len(leaked)} connections were never closed by the client"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            connection = Connection(self, sock)
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        if self.tls is not None:
            try:
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            except OSError:
                connection.sock.close()
                return
        self.script(connection)
        connection.sock.close()
        connection.over.set()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Thu, 05 Nov 2026 10:00:00 GMT\r\n\r\nok"


def always(reply: bytes) -> Script:
    """Answer every request of a connection with these bytes."""

    def script(connection: Connection) -> None:
        while connection.request() is not None and connection.send(reply):
            pass

    return script


def once(reply: bytes) -> Script:
    """Answer one request with these bytes, then wait for the client to hang up."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(reply)
        connection.until_closed()

    return script


class Wire:
    """What the tests of this folder use: `wire.server(script)`, `wire.always(reply)`, `wire.run(main())`."""

    Server = Server
    Connection = Connection
    OK = OK
    always = staticmethod(always)
    once = staticmethod(once)

    @staticmethod
    def run(main: Coroutine[Any, Any, T]) -> T:
        """Run to its end, which must come within 15 s."""

        async def bounded() -> T:
            async with asyncio.timeout(15):
                return await main

        return asyncio.run(bounded())


@pytest.fixture
def wire() -> type[Wire]:
    """The scripted server and its helpers."""
    return Wire


@pytest.fixture(params=["fast", "pooled"])
def client_of(request: pytest.FixtureRequest) -> Callable[..., HttpClient]:
    """Make a client on each transport in turn: `client_of(timeout=1)`."""
    if request.param == "fast":
        pytest.importorskip("httpx_aiohttp", reason="the extra `fast` is not installed")
    make = fast_transport if request.param == "fast" else pooled_transport

    def client(**options: Any) -> HttpClient:
        names = ("keepalive", "max_connections")
        transport = {name: options.pop(name) for name in names if name in options}
        return HttpClient(transport=make(**transport), **options)

    return client


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-batch"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """A server's TLS with the self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
