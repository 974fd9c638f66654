"""One limit of time for a whole message, from the call to the last byte of its answer.

The clients limit each wait for more, so a server that sends a byte a second is waited for without end. Here the
connections are shut down when the time is over, which the client then meets as a lost connection. What a name's look-up
takes is the resolver's to limit, and a connection in the making has its own timeout.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool

# Of the time declared for each wait: one for the question, one for the answer. A claim lasts as long.
WAITS = 2.0


class LateError(Exception):
    """A whole message took longer than it may."""


class Deadline:
    """Ends the calls of one client.

    Args:
        timeout: the seconds declared for each wait.
    """

    def __init__(self, timeout: float) -> None:
        self._seconds = WAITS * timeout
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._over = threading.Event()

    @contextlib.contextmanager
    def within(self) -> Iterator[None]:
        """Raises LateError for what takes too long in all, instead of whatever the client makes of it."""
        self._over.clear()
        timer = threading.Timer(self._seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if self._over.is_set():
                raise LateError from None
            raise
        finally:
            timer.cancel()
        if self._over.is_set():  # an answer without a length looks whole when it is cut
            raise LateError

    def watch(self, connection: socket.socket) -> None:
        """Shuts down ``connection`` too when the time is over."""
        self._open.add(connection)
        if self._over.is_set():
            _shut(connection)

    def trace(self, event: str, told: Mapping[str, Any]) -> None:
        """What httpx calls as a connection is made (its extension ``trace``)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.watch(told["return_value"].get_extra_info("socket"))

    def watch_session(self, session: Any) -> None:
        """Watches every connection of a session of requests, through a proxy or not."""
        for adapter in session.adapters.values():
            self.watch_pools(adapter.poolmanager)
            make = adapter.proxy_manager_for
            adapter.proxy_manager_for = lambda *of, make=make, **how: self.watch_pools(make(*of, **how))

    def watch_pools(self, manager: Any) -> Any:
        """Watches every connection of a PoolManager of urllib3; returns it."""
        manager.pool_classes_by_scheme = _pools(self)
        return manager

    def _end(self) -> None:
        self._over.set()
        for connection in list(self._open):
            _shut(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # not TLS's own, which would wait for the other side
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            deadline.watch(self.sock)

    class Encrypted(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            deadline.watch(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
