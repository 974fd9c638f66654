"""The server itself: where it listens, and where it refuses to."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvicorn

from churnml.adapters.project import open_project
from churnml.adapters.store import open_store
from churnml.errors import ProjectError, UnavailableError
from churnml.specs.web import WebSpec
from churnml.web.app import application
from churnml.web.cockpit import Cockpit, WallClock
from churnml.web.people import People, is_loopback
from churnml.web.sessions import Sessions

# A page waits for another writer no longer than a person would.
PATIENCE_SECONDS = 5.0


def serve_cockpit(
    root: Path, host: str, port: int, local_name: str, clock: WallClock, say: Callable[[str], None]
) -> None:
    """Answers until it is stopped.

    Args:
        root: the project folder.
        host, port: where to listen; port 0 is a free one.
        local_name: whoever opens it on this machine, where nobody signs in.
        clock: what day it is.
        say: told the address once it answers there.

    Raises:
        ProjectError: it would listen elsewhere than on this machine and nobody is told from anybody else.
        UnavailableError: the port is taken.
    """
    project = open_project(root)
    check_place(project.spec.web, host)
    with closing(listening(host, port)) as listener, open_store(project.operational_url, PATIENCE_SECONDS) as store:
        cockpit = Cockpit(project, store, clock, Sessions())
        app = application(cockpit, People(project.spec.web, local_name))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, proxy_headers=False, server_header=False, lifespan="off"
        )
        name = f"[{host}]" if ":" in host else host
        say(f"the cockpit of {project.name} answers at http://{name}:{listener.getsockname()[1]}/ (Ctrl-C stops it)")
        uvicorn.Server(config).run(sockets=[listener])


def check_place(web: WebSpec, host: str) -> None:
    """Raises ProjectError where people elsewhere would reach it and none of them signs in."""
    if web.sign_in is None and not is_loopback(host):
        raise ProjectError(
            f"The cockpit does not listen on {host}: people elsewhere would reach it, and nobody signs in.",
            where="project.yaml, web: sign_in",
            remedy="Declare how people sign in (docs/cockpit.md), or leave --host out for this machine alone.",
        )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises UnavailableError or ProjectError."""
    listener = None
    try:
        family = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        # who comes before the server is ready waits for it
        listener.listen(128)
    except OSError as problem:
        if listener is not None:
            listener.close()
        if problem.errno == errno.EADDRINUSE:
            raise UnavailableError(
                f"The port {port} is taken.", where=f"{host}:{port}", remedy="Stop what listens there, or give --port."
            ) from None
        raise ProjectError(
            f"The cockpit cannot listen there ({problem.strerror or problem}).",
            where=f"{host}:{port}",
            remedy="Give an address of this machine, and a port that you may use.",
        ) from None
    return listener
