"""Runs configured programs: as whom, and which ones not."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig
from xdpvs.model.script import Command
from xdpvs.probing.process import Ended, NotStarted, run_command
from xdpvs.probing.script_security import insecurity

Run = Callable[[Sequence[str], str, str, float | None], Awaitable[Ended]]

_log = logging.getLogger("xdpvs.keepalived.vrrp")
_ROOT = ("", "root", "0")


class Programs:
    """Programs of a configuration, as its script_user unless they name another."""

    def __init__(self, globals_: GlobalDefs, run: Run = run_command) -> None:
        self.globals = globals_
        self._run = run

    async def run(self, command: Command, *, timeout_s: float | None, why: str) -> Ended | None:
        """Run a program to its end; None, and a line in the log, if it cannot be run."""
        user, group = self.runs_as(command)
        problem = self._insecurity(command)
        if not problem:
            try:
                ended = await self._run(command.argv, user, group, timeout_s)
            except NotStarted as error:
                problem = str(error)
            else:
                if ended.timed_out:
                    _log.warning("%s: %s was ended after %g s", why, command.argv[0], timeout_s or 0)
                return ended
        _log.error("%s: %s not run: %s", why, command.argv[0], problem)
        return None

    def runs_as(self, command: Command) -> tuple[str, str]:
        """User and group; empty: ours."""
        if command.user or command.group:
            return command.user, command.group
        return self.globals.script_user, self.globals.script_group

    def unusable(self, command: Command) -> str:
        """Why a program can never be run, empty if it can."""
        if not command.argv:
            return "no program"
        if shutil.which(command.argv[0]) is None:
            return f"{command.argv[0]} not found or not executable"
        return self._insecurity(command)

    def _insecurity(self, command: Command) -> str:
        if not self.globals.enable_script_security or self.runs_as(command)[0] not in _ROOT:
            return ""
        return insecurity(shutil.which(command.argv[0]) or command.argv[0])

    def without_unusable(self, config: KeepalivedConfig) -> KeepalivedConfig:
        """The configuration without tracking scripts that cannot be run, as keepalived disables them; it is logged."""
        kept = {}
        for name, script in config.scripts.items():
            if problem := self.unusable(script.command):
                _log.error("vrrp_script %s is disabled: %s", name, problem)
            else:
                kept[name] = script
        return replace(config, scripts=kept)
