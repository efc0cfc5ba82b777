"""Notification programs of services and servers: started in the order of events, not waited for."""

from __future__ import annotations

import asyncio
import logging

from xdpvs.model.script import Command
from xdpvs.probing.process import NotStarted, run_command

_log = logging.getLogger(__name__)

TIMEOUT_S = 300.0
"""A program that hangs is ended then; it would stay for ever."""
MAX_RUNNING = 100
MAX_WAITING = 5000


class ScriptRunner:
    """run() is for the event loop; close() gives what runs a last moment."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(MAX_RUNNING)

    def run(self, command: Command) -> None:
        """Start a program as soon as not too many run."""
        if len(self._tasks) >= MAX_WAITING:
            _log.error("too many notification programs run: %s is left out", command.argv[0])
            return
        task = asyncio.create_task(self._run(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, command: Command) -> None:
        async with self._free:
            try:
                ended = await run_command(command.argv, command.user, command.group, TIMEOUT_S)
            except NotStarted as error:
                _log.error("notification program %s", error)
                return
        if ended.timed_out:
            _log.warning("notification program %s was ended after %g s", command.argv[0], TIMEOUT_S)
        elif ended.status:
            _log.debug("notification program %s has ended with %d", command.argv[0], ended.status)

    async def close(self, timeout_s: float) -> None:
        """Wait so long, then kill what still runs."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
