"""A real HTTP server on this machine that answers as told: fails, stalls, cuts off, redirects."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


# Trouble instead of a response; in each the request has arrived and may have been acted on.
STALL, CUT, CUT_IN_THE_BODY = "stall", "cut", "cut in the body"
# A byte every now and then, for as long as anybody listens: of the headers, of the body.
DRIPPING_HEADERS, DRIPPING_BODY = "dripping headers", "dripping body"
DRIP_SECONDS = 0.1
Handle = Callable[[Request], Response]


class Server:
    """A server in a thread.

    Args:
        handle: what it does with a request, and answers.
        certificate: speaks TLS with it.

    Attributes:
        seen: every request, in order.
        before: what comes first, instead of acting on a request: a response.
        after: what comes instead of the response, once the request was acted on: a response or a trouble.
    """

    def __init__(self, handle: Handle, certificate: Path | None = None) -> None:
        self.seen: list[Request] = []
        self.before: deque[Response | None] = deque()
        self.after: deque[Response | str | None] = deque()
        self._handle = handle
        self._over = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, dict(self.headers), self.rfile.read(length))
                server._answer(self, request)

            do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                return None

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                return None  # clients that go away are what is tried here

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.port = int(self._http.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=lambda: self._http.serve_forever(0.01), daemon=True)
        self._thread.start()

    def _answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._lock:
            self.seen.append(request)
            early = self.before.popleft() if self.before else None
            response: Response | str = early or self._handle(request)
            late = self.after.popleft() if self.after and early is None else None
        response = late or response
        if response == STALL:
            self._over.wait(20)
            handler.close_connection = True
        elif response == CUT:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        elif response in (DRIPPING_HEADERS, DRIPPING_BODY):
            self._drip(handler, in_headers=response == DRIPPING_HEADERS)
        elif response == CUT_IN_THE_BODY:
            handler.send_response(500)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"half an answ")
            handler.close_connection = True
        else:
            assert isinstance(response, Response)
            handler.send_response(response.status)
            for name, value in response.headers.items():
                handler.send_header(name, value)
            if "Content-Type" not in response.headers:
                handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(response.content)))
            handler.end_headers()
            handler.wfile.write(response.content)

    def _drip(self, handler: BaseHTTPRequestHandler, *, in_headers: bool) -> None:
        handler.close_connection = True
        begun = b"HTTP/1.1 500 Trouble\r\nX-Slow: "
        handler.wfile.write(begun if in_headers else begun + b"no\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not self._over.wait(DRIP_SECONDS):
                handler.wfile.write(b"x")

    def close(self) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


@contextlib.contextmanager
def serving(handle: Handle, certificate: Path | None = None) -> Iterator[Server]:
    server = Server(handle, certificate)
    try:
        yield server
    finally:
        server.close()


def certificate_in(folder: Path) -> Path:
    """A certificate of this machine's own, with its key in the same file; it is its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "here.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
