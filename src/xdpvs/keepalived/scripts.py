"""Programs of a configuration as this host can run them: as whom, and which ones not (DPVS keepalived lib/notify.c).

Programs run as script_user unless they name another; script_user is `keepalived_script` where that user exists, else
root. What cannot be found, or root must not run, is taken out here, once, with a line for the log.
"""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xdpvs.model.check import Check, ScriptCheck
from xdpvs.model.keepalived import Checker, GlobalDefs, KeepalivedConfig, RealServer, VirtualServer
from xdpvs.model.script import Command
from xdpvs.probing.process import resolve
from xdpvs.probing.script_security import insecurity

DEFAULT_USER = "keepalived_script"
_ROOT = ("", "root", "0")


def user_exists(name: str) -> bool:
    """Whether this host knows a user, by name or number."""
    try:
        if name.isdecimal():
            return True
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ScriptHost:
    """What of this host decides about programs."""

    user_exists: Callable[[str], bool] = user_exists
    find: Callable[[str], str | None] = shutil.which
    insecurity: Callable[[str], str] = insecurity


@dataclass(slots=True)
class Vetted:
    """A configuration whose programs can be run. insecure: some were refused for enable_script_security."""

    config: KeepalivedConfig
    notes: list[str] = field(default_factory=list)
    insecure: bool = False


def vet(config: KeepalivedConfig, host: ScriptHost | None = None) -> Vetted:
    """Fill in users and take out programs of services and checks that cannot be run. VRRP looks after its own."""
    host = host or ScriptHost()
    settings = _with_user(config.globals, host)
    vetted = Vetted(config)
    judge = _Judge(settings, host, vetted)
    servers = tuple([judge.virtual_server(each) for each in config.virtual_servers])
    vetted.config = replace(config, globals=settings, virtual_servers=servers)
    return vetted


def _with_user(settings: GlobalDefs, host: ScriptHost) -> GlobalDefs:
    if settings.script_user or not host.user_exists(DEFAULT_USER):
        return settings
    return replace(settings, script_user=DEFAULT_USER, script_group="")


def _has_programs(config: VirtualServer) -> bool:
    # Loops instead of any(): a large file has a hundred thousand checkers.
    if config.quorum_up or config.quorum_down:
        return True
    for server in config.servers:
        if server.notify_up or server.notify_down:
            return True
        for checker in server.checkers:
            if checker.kind == "MISC_CHECK":
                return True
    return False


class _Judge:
    def __init__(self, settings: GlobalDefs, host: ScriptHost, vetted: Vetted) -> None:
        self._settings = settings
        self._host = host
        self._vetted = vetted

    def virtual_server(self, config: VirtualServer) -> VirtualServer:
        """The same value where nothing is to be changed: most servers of a large file have no program."""
        if not _has_programs(config):
            return config
        servers = tuple([self._server(config, server) for server in config.servers])
        if any(new is not old for new, old in zip(servers, config.servers, strict=True)):
            config = replace(config, servers=servers)
        if config.quorum_up or config.quorum_down:
            config = replace(
                config,
                quorum_up=self._command(config.quorum_up, f"VS {config.name}: quorum_up"),
                quorum_down=self._command(config.quorum_down, f"VS {config.name}: quorum_down"),
            )
        return config

    def _server(self, config: VirtualServer, server: RealServer) -> RealServer:
        where = f"VS {config.name}: real_server {server.dest.address} {server.dest.port}"
        if server.notify_up or server.notify_down:
            server = replace(
                server,
                notify_up=self._command(server.notify_up, f"{where}: notify_up"),
                notify_down=self._command(server.notify_down, f"{where}: notify_down"),
            )
        if any(isinstance(checker.checks[0], ScriptCheck) for checker in server.checkers):
            checkers = [self._checker(checker, where) for checker in server.checkers]
            server = replace(server, checkers=tuple([checker for checker in checkers if checker is not None]))
        return server

    def _checker(self, checker: Checker, where: str) -> Checker | None:
        checks: list[Check] = []
        for check in checker.checks:
            if isinstance(check, ScriptCheck):
                # `misc_path "exit 0"`, as the tutorial has it, is a command of the shell.
                command = Command(resolve(check.argv), check.user, check.group)
                usable = self._command(command, f"{where}: {checker.kind}")
                if usable is None:
                    return None
                check = replace(check, argv=usable.argv, user=usable.user, group=usable.group)
            checks.append(check)
        return replace(checker, checks=tuple(checks))

    def _command(self, command: Command | None, where: str) -> Command | None:
        if command is None:
            return None
        if not command.user and not command.group:
            command = replace(command, user=self._settings.script_user, group=self._settings.script_group)
        problem = self._problem(command)
        if problem:
            self._vetted.notes.append(f"{where}: {problem}: disabled")
            return None
        return command

    def _problem(self, command: Command) -> str:
        if not command.argv:
            return "no program"
        path = self._host.find(command.argv[0])
        if path is None:
            return f"{command.argv[0]} not found or not executable"
        if command.user and not self._host.user_exists(command.user):
            return f"no user {command.user}"
        if self._settings.enable_script_security and command.user in _ROOT:
            why = self._host.insecurity(path)
            if why:
                self._vetted.insecure = True
                return f"{command.argv[0]} is not secure ({why})"
        return ""
