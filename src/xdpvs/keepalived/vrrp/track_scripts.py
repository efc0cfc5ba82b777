"""Runs the vrrp_script programs that instances track."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from xdpvs.keepalived.vrrp.programs import Programs
from xdpvs.model.vrrp import TrackScript
from xdpvs.probing.process import Ended
from xdpvs.vrrp.script_health import ScriptHealth

_log = logging.getLogger("xdpvs.keepalived.vrrp")


class TrackScripts:
    """on_change is told a script's name and whether it is good now."""

    def __init__(self, programs: Programs, on_change: Callable[[str, bool], None]) -> None:
        self.programs = programs
        self._on_change = on_change
        self._scripts: dict[str, TrackScript] = {}
        self._health: dict[str, ScriptHealth] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def values(self) -> dict[str, bool | None]:
        """What is known of each script."""
        return {name: health.good for name, health in self._health.items()}

    async def load(self, scripts: Mapping[str, TrackScript]) -> None:
        """Take over a configuration; `begin` starts it. Known scripts begin anew but keep their result."""
        await self.close()
        known, self._health = self._health, {}
        self._scripts = dict(scripts)
        for name, script in scripts.items():
            health = self._health[name] = ScriptHealth(script.rise, script.fall, init_fail=script.init_fail)
            if name in known:
                health.good = known[name].good

    def begin(self) -> None:
        """Run each script for the first time, and so on."""
        for name, script in self._scripts.items():
            self._tasks[name] = asyncio.create_task(self._repeat(script), name=f"vrrp_script {name}")

    async def close(self) -> None:
        """End all runs."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, script: TrackScript) -> None:
        loop = asyncio.get_running_loop()
        last_status: int | None = None
        while True:
            due = loop.time() + script.interval_s
            ended = await self.programs.run(
                script.command, timeout_s=script.timeout_s, why=f"VRRP_Script({script.name})"
            )
            if ended is not None and ended.status != last_status:
                last_status = ended.status
                _log.info("Script `%s` now returning %d", script.name, ended.status)
            self._take(script, ended)
            # A run that takes longer than the interval makes the next one late, never two at a time.
            await asyncio.sleep(max(due - loop.time(), 0.0))

    def _take(self, script: TrackScript, ended: Ended | None) -> None:
        health = self._health[script.name]
        success = ended is not None and ended.status == 0 and not ended.timed_out
        if health.result(success) and health.good is not None:
            _log.info("VRRP_Script(%s) %s", script.name, _outcome(ended))
            self._on_change(script.name, health.good)


def _outcome(ended: Ended | None) -> str:
    if ended is None:
        return "failed (not run)"
    if ended.timed_out:
        return "timed_out"
    if ended.status < 0:
        return f"failed (due to signal {-ended.status})"
    return f"failed (exited with status {ended.status})" if ended.status else "succeeded"
