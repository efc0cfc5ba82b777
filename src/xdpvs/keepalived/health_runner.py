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
from xdpvs.keepalived.health.names import check_name, service_protocol
from xdpvs.keepalived.health.server import ServerState
from xdpvs.keepalived.health.virtual_server import VirtualServerMachine
from xdpvs.keepalived.schedule import CheckRun, Schedule
from xdpvs.keepalived.services.book import Changes, Owner, ServiceBook
from xdpvs.keepalived.services.wanted import Wanted, wanted_services
from xdpvs.model.address import IPAddress
from xdpvs.model.check import Outcome
from xdpvs.model.keepalived import KeepalivedConfig, VirtualServer
from xdpvs.model.script import Command as Program
from xdpvs.model.service import ServiceKey
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)


def _identity(config: VirtualServer) -> Owner:
    """What names a virtual server over reloads: name and ordinal are in the name, the protocol is not for groups."""
    return config.name, service_protocol(config)


def _checks(machine: VirtualServerMachine) -> set[CheckerMachine]:
    return {check for server in machine.servers.values() for check in server.checks}


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
        self._machines: dict[Owner, VirtualServerMachine] = {}
        self._book = ServiceBook()
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
        configs: dict[Owner, VirtualServer] = {}
        for virtual_server in config.virtual_servers:
            if configs.setdefault(_identity(virtual_server), virtual_server) is not virtual_server:
                _log.error("VS %s is there twice: only the first one is used", virtual_server.name)
        changes: Changes = {}
        for identity, machine in before.items():
            if identity not in configs:
                changes |= self._drop(identity, machine)
        self._machines = {}
        for identity, virtual_server in configs.items():
            found = before.get(identity)
            machine = self._machines[identity] = found or self._new_machine(virtual_server)
            machine.log_all_failures = config.globals.checker_log_all_failures
            if found is None:
                self._start(machine)
            elif virtual_server != machine.config:
                self._reload(machine, virtual_server)
            else:
                continue
            changes |= self._book.put(identity, wanted_services(machine.config, machine.pool))
        self._book.report()
        self._outlets.want(changes)

    def _new_machine(self, config: VirtualServer) -> VirtualServerMachine:
        return VirtualServerMachine(config, init_notifies=self._config.globals.rs_init_notifies)

    def _start(self, machine: VirtualServerMachine) -> None:
        for server in machine.servers.values():
            for check in server.checks:
                self._activate(machine, server, check)
        self._carry_out(machine, machine.start(), renew=False)

    def _reload(self, machine: VirtualServerMachine, config: VirtualServer) -> None:
        before = _checks(machine)
        commands, added = machine.reload(config)
        for check in before - _checks(machine):
            self._end(check)
        for server, check in added:
            self._activate(machine, server, check)
        self._carry_out(machine, commands, renew=False)

    def _drop(self, identity: Owner, machine: VirtualServerMachine) -> Changes:
        for check in _checks(machine):
            self._end(check)
        self._carry_out(machine, machine.stop(shutting_down=False), renew=False)
        return self._book.remove(identity)

    # Checks

    def set_owned(self, addresses: frozenset[IPAddress] | None) -> None:
        """Addresses this node's VRRP owns, for ha_suspend; None: there is no VRRP here, nothing is suspended."""
        self._owned = addresses

    def _activate(self, machine: VirtualServerMachine, server: ServerState, check: CheckerMachine) -> None:
        run = self._runs[check] = CheckRun(machine, server, check)
        if _log.isEnabledFor(logging.DEBUG):
            name = check_name(check.checker)
            _log.debug("Activating healthchecker for service %s for VS %s", name, machine.config.name)
        self._schedule.arm(run, check.first_due(self._loop.time(), self._outlets.jitter()))

    def _end(self, check: CheckerMachine) -> None:
        run = self._runs.pop(check, None)
        if run is not None:
            run.ended = True
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
            services = wanted_services(machine.config, machine.pool)
            self._outlets.want(self._book.put(_identity(machine.config), services))

    # The end

    def stop(self) -> None:
        """No more checks; notifications of omega."""
        self._schedule.close()
        for check in list(self._runs):
            self._end(check)
        for machine in self._machines.values():
            self._carry_out(machine, machine.stop(shutting_down=True), renew=False)
