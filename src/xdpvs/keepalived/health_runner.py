"""Runs the machines of health: attempts when they are due, and whatever the machines want done."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from xdpvs.keepalived.health.checker import CheckerMachine
from xdpvs.keepalived.health.commands import (
    AddDest,
    ArmTimer,
    Command,
    DelDest,
    EditDest,
    FifoLine,
    Log,
    Mail,
    RunScript,
)
from xdpvs.keepalived.health.names import check_name
from xdpvs.keepalived.health.server import ServerState
from xdpvs.keepalived.health.virtual_server import VirtualServerMachine
from xdpvs.keepalived.schedule import CheckRun, Schedule
from xdpvs.keepalived.services.explain import service_name
from xdpvs.keepalived.services.wanted import Wanted, wanted_services
from xdpvs.model.address import IPAddress
from xdpvs.model.check import Outcome
from xdpvs.model.keepalived import KeepalivedConfig, VirtualServer
from xdpvs.model.script import Command as Program
from xdpvs.model.service import ServiceKey
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)

_Identity = tuple[str, int]


def _identity(config: VirtualServer) -> _Identity:
    """What names a virtual server over reloads: name and ordinal are in the name, the protocol is not for groups."""
    return config.name, config.services[0].key.protocol if config.services else 0


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where the machines' wishes go. None of them blocks."""

    want: Callable[[Mapping[ServiceKey, Wanted | None]], None]
    run_script: Callable[[Program], None]
    write_fifo: Callable[[str], None]
    send_mail: Callable[[str, str], None]
    jitter: Callable[[], float] = field(default=random.random)


class HealthRunner:
    """Virtual servers with their checks, in the running event loop."""

    def __init__(self, prober: Prober, outlets: Outlets) -> None:
        self._loop = asyncio.get_running_loop()
        self._prober = prober
        self._outlets = outlets
        self._machines: dict[_Identity, VirtualServerMachine] = {}
        self._services: dict[_Identity, dict[ServiceKey, Wanted]] = {}
        self._owners: dict[ServiceKey, _Identity] = {}
        self._conflicts: set[tuple[_Identity, ServiceKey]] = set()
        self._runs: dict[CheckerMachine, CheckRun] = {}
        self._schedule = Schedule(self._loop, self._begin)
        self._config = KeepalivedConfig()
        self._owned: frozenset[IPAddress] | None = None

    @property
    def virtual_servers(self) -> Iterable[VirtualServerMachine]:
        """The machines, in the file's order."""
        return self._machines.values()

    # Configurations

    def load(self, config: KeepalivedConfig) -> None:
        """Go over to a configuration; what it has in common with the last one goes on undisturbed."""
        before, self._config = self._machines, config
        wanted: dict[ServiceKey, Wanted | None] = {}
        machines: dict[_Identity, VirtualServerMachine] = {}
        for virtual_server in config.virtual_servers:
            identity = _identity(virtual_server)
            if identity in machines:
                _log.error("VS %s is there twice: only the first one is used", virtual_server.name)
                continue
            found = before.pop(identity) if identity in before else self._new_machine(virtual_server)
            machines[identity] = found
        for identity, machine in before.items():
            self._drop(identity, machine, wanted)
        self._machines = machines
        for virtual_server in config.virtual_servers:
            identity = _identity(virtual_server)
            machine = machines[identity]
            if identity not in self._services:
                self._start(identity, machine)
            elif virtual_server is not machine.config and virtual_server != machine.config:
                self._reload(machine, virtual_server)
            else:
                continue
            self._renew(identity, machine, wanted)
        # Last word: a service that went over from one virtual server to another is the other's.
        self._outlets.want({key: each for key, each in wanted.items() if each or key not in self._owners})

    def _new_machine(self, config: VirtualServer) -> VirtualServerMachine:
        settings = self._config.globals
        return VirtualServerMachine(
            config, log_all_failures=settings.checker_log_all_failures, init_notifies=settings.rs_init_notifies
        )

    def _start(self, identity: _Identity, machine: VirtualServerMachine) -> None:
        self._services[identity] = {}
        for server in machine.servers.values():
            for check in server.checks:
                self._activate(machine, server, check)
        self._carry_out(machine, machine.start(), renew=False)

    def _reload(self, machine: VirtualServerMachine, config: VirtualServer) -> None:
        commands, added = machine.reload(config)
        kept = {check for server in machine.servers.values() for check in server.checks}
        for run in [run for run in self._runs.values() if run.owner is machine and run.check not in kept]:
            self._end(run)
        for server, check in added:
            self._activate(machine, server, check)
        self._carry_out(machine, commands, renew=False)

    def _drop(
        self, identity: _Identity, machine: VirtualServerMachine, wanted: dict[ServiceKey, Wanted | None]
    ) -> None:
        for server in machine.servers.values():
            for check in server.checks:
                if (run := self._runs.get(check)) is not None:
                    self._end(run)
        self._carry_out(machine, machine.stop(shutting_down=False), renew=False)
        for key in self._services.pop(identity, {}):
            if self._owners.get(key) == identity:
                del self._owners[key]
                wanted[key] = None

    def _renew(
        self, identity: _Identity, machine: VirtualServerMachine, wanted: dict[ServiceKey, Wanted | None]
    ) -> None:
        """Note what dpvs should have for a virtual server now."""
        now = wanted_services(machine.config, machine.pool)
        before, mine = self._services[identity], {}
        for key, each in now.items():
            owner = self._owners.setdefault(key, identity)
            if owner == identity:
                mine[key] = wanted[key] = each
            elif (identity, key) not in self._conflicts:
                self._conflicts.add((identity, key))
                _log.error("VS %s: service %s belongs to VS %s already", each.name, service_name(key), owner[0])
        for key in before:
            if key not in now and self._owners.get(key) == identity:
                del self._owners[key]
                wanted[key] = None
        self._services[identity] = mine

    # Checks

    def set_owned(self, addresses: frozenset[IPAddress] | None) -> None:
        """Addresses this node's VRRP owns, for ha_suspend; None: there is no VRRP here, nothing is suspended."""
        self._owned = addresses

    def _activate(self, machine: VirtualServerMachine, server: ServerState, check: CheckerMachine) -> None:
        run = self._runs[check] = CheckRun(machine, server, check)
        _log.debug("Activating healthchecker for service %s for VS %s", check_name(check.checker), machine.config.name)
        self._schedule.arm(run, check.first_due(self._loop.time(), self._outlets.jitter()))

    def _end(self, run: CheckRun) -> None:
        run.ended = True
        self._runs.pop(run.check, None)
        if run.attempt is not None:
            run.attempt.cancel()

    def _suspended(self, run: CheckRun) -> bool:
        if not run.check.checker.host_suspends or self._owned is None:
            return False
        return not any(service.key.address in self._owned for service in run.owner.config.services)

    def _begin(self, run: CheckRun) -> None:
        now = self._loop.time()
        if self._suspended(run):
            self._schedule.arm(run, run.check.postponed(now))
            return
        checker = run.check.checker
        run.started = now
        run.attempt = self._prober.start(
            run.check.check, checker.endpoint, checker.timing.connect_timeout_s, partial(self._finished, run)
        )

    def _finished(self, run: CheckRun, outcome: Outcome) -> None:
        run.attempt = None
        if run.ended:
            return
        machine = run.owner
        commands = machine.finish(run.check, run.server, outcome, (run.started, self._loop.time()))
        self._carry_out(machine, commands)

    # Commands

    def _carry_out(self, machine: VirtualServerMachine, commands: list[Command], *, renew: bool = True) -> None:
        changed = False
        for command in commands:
            match command:
                case ArmTimer(check, due):
                    if (run := self._runs.get(check)) is not None:
                        self._schedule.arm(run, due)
                case AddDest() | EditDest() | DelDest():
                    changed = True
                case RunScript(program):
                    self._outlets.run_script(program)
                case FifoLine(text):
                    self._outlets.write_fifo(text)
                case Mail(subject, body):
                    self._outlets.send_mail(f"[{self._config.globals.router_id}] {subject}", body)
                case Log(text, detail):
                    _log.log(logging.DEBUG if detail else logging.INFO, "%s", text)
        if changed and renew:
            wanted: dict[ServiceKey, Wanted | None] = {}
            self._renew(_identity(machine.config), machine, wanted)
            self._outlets.want(wanted)

    # The end

    def stop(self) -> None:
        """No more checks; notifications of omega."""
        self._schedule.close()
        for run in list(self._runs.values()):
            self._end(run)
        for machine in self._machines.values():
            self._carry_out(machine, machine.stop(shutting_down=True), renew=False)
