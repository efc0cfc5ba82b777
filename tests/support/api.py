"""A control-socket server in a thread, with handlers made for the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xdpvs.api.dispatch import Handler, handled_messages
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.api.messages import Message
from xdpvs.api.server import Server


def refuse(_request: object) -> None:
    """A handler for what a test does not expect to be asked."""
    raise ApiError(DpvsError.DISABLED)


def handlers(given: Mapping[Message[Any, Any], Handler]) -> dict[Message[Any, Any], Handler]:
    """A complete set: the given ones, and `refuse` for all others."""
    return {message: given.get(message, refuse) for message in handled_messages().values()}


@contextmanager
def serving(path: Path, given: Mapping[Message[Any, Any], Handler], timeout_s: float = 5.0) -> Iterator[Server]:
    """The server, running in a loop of its own until the block ends."""
    loop = asyncio.new_event_loop()
    server = Server(str(path), handlers(given), timeout_s=timeout_s)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        _in_loop(loop, server.start)
        yield server
    finally:
        _in_loop(loop, server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _in_loop(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    async def run() -> None:
        function()

    asyncio.run_coroutine_threadsafe(run(), loop).result(10)
