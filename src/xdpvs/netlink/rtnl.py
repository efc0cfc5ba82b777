"""One rtnetlink request at a time, through pyroute2.

pyroute2 is imported on first use: it costs 0.12 s and 24 MB (12 MB where asyncio is loaded anyway), and its
__init__ imports all of it, so no submodule is cheaper.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Mapping
from typing import Any

from xdpvs.netlink.errors import NetlinkError, from_errno


def link_request(doing: str, command: str, **arguments: object) -> list[Any]:
    """Send one RTM_*LINK request and return the messages of its reply."""
    return _served("link", doing, command, arguments)


def address_request(doing: str, command: str, **arguments: object) -> list[Any]:
    """The same for RTM_*ADDR."""
    return _served("addr", doing, command, arguments)


def route_request(doing: str, command: str, **arguments: object) -> list[Any]:
    """The same for RTM_*ROUTE."""
    return _served("route", doing, command, arguments)


def _served(family: str, doing: str, command: str, arguments: Mapping[str, object]) -> list[Any]:
    """From whatever thread.

    pyroute2 runs an event loop of its own, which asyncio forbids in a thread that already runs one, so a
    caller inside a loop is served by a short-lived thread. It blocks either way, for about a millisecond.
    """
    if not _in_event_loop():
        return _request(family, doing, command, arguments)
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.extend(_request(family, doing, command, arguments))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="rtnetlink")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _request(family: str, doing: str, command: str, arguments: Mapping[str, object]) -> list[Any]:
    pyroute2 = importlib.import_module("pyroute2")
    kernel_error: type[Exception] = importlib.import_module("pyroute2.netlink.exceptions").NetlinkError
    try:
        with pyroute2.IPRoute() as rtnl:
            return list(getattr(rtnl, family)(command, **arguments))
    except kernel_error as error:
        code: int = error.code  # type: ignore[attr-defined]
        raise from_errno(code, doing) from error
    except OSError as error:
        raise NetlinkError(f"{doing}: {error}") from error
