"""Delivers once for each line it reads, in a process of its own that may be killed; says its number first."""

from __future__ import annotations

import datetime as dt
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import hubspot.crm.associations.v4
import hubspot.crm.companies
import hubspot.crm.objects.tasks  # noqa: F401 - read once, here, and not by each process anew

from churnml.adapters.delivery import deliver
from churnml.adapters.project import open_project
from churnml.adapters.store import open_store


def main(root: Path, url: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            once(root, url, dt.datetime.fromisoformat(line.strip()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("over\n")
        sys.stdout.flush()


def once(root: Path, url: str, moment: dt.datetime) -> NoReturn:
    try:
        with open_store(url) as store:
            deliver(open_project(root), store, True, lambda: moment)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
