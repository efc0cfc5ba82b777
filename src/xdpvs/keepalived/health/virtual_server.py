"""One virtual server: its servers' health, the quorum and the sorry server (DPVS keepalived check/ipwrapper.c).

The quorum is lost when the live servers' weights sum to nothing or to less than quorum - hysteresis, and gained when
they reach quorum + hysteresis. Without it a sorry server, where there is one, stands in for all others.
"""

from __future__ import annotations

from dataclasses import replace

from xdpvs.keepalived.health.checker import CheckerMachine, Judgement
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
from xdpvs.keepalived.health.names import check_name, server_name
from xdpvs.keepalived.health.server import DestKey, ServerState, dest_key
from xdpvs.model.check import Outcome, Verdict
from xdpvs.model.keepalived import VirtualServer
from xdpvs.model.service import Dest


class VirtualServerMachine:
    """Takes outcomes and configurations, returns commands. `pool` is what every service of it should have."""

    def __init__(self, config: VirtualServer, *, log_all_failures: bool = False, init_notifies: bool = False) -> None:
        self.config = config
        self.servers: dict[DestKey, ServerState] = {}
        for server in config.servers:
            self.servers.setdefault(dest_key(server.dest), ServerState(server))
        self.quorum_up = False
        self.pool: dict[DestKey, Dest] = {}
        self.log_all_failures = log_all_failures
        self._init_notifies = init_notifies
        self._commands: list[Command] = []

    @property
    def sorry(self) -> bool:
        """Whether the sorry server stands in."""
        return self.config.sorry_server is not None and not self.quorum_up

    @property
    def live_weight(self) -> int:
        """Sum of the weights of live servers."""
        return sum(server.weight for server in self.servers.values() if server.alive)

    # Events

    def start(self) -> list[Command]:
        """Add the first servers and judge the quorum. Timers are the caller's, who knows the jitter."""
        if self._init_notifies:
            for server in self.servers.values():
                if server.alive:
                    self._tell_server(server, mail=False)
        self._judge(starting=True)
        return self._take()

    def finish(
        self, check: CheckerMachine, server: ServerState, outcome: Outcome, at: tuple[float, float]
    ) -> list[Command]:
        """A check of a server has finished; at is when its attempt started, and now."""
        weight = server.weight
        judgement = check.finish(outcome, *at)
        self._do(ArmTimer(check, judgement.due))
        self._log_attempt(check, judgement, outcome)
        if server.healthy != server.alive:
            self._turn(server, check, outcome)
        elif judgement.first and judgement.decided is False:
            # alpha, and down it stays: it is told once.
            self._tell_server(server, mail=False)
        if server.weight != weight:
            self._log(
                f"Changing weight from {weight} to {server.weight} for {'' if server.alive else 'in'}active service"
                f" {self._name(server)} of VS {self.config.name}"
            )
            self._judge()
        return self._take()

    def reload(self, config: VirtualServer) -> tuple[list[Command], list[tuple[ServerState, CheckerMachine]]]:
        """Go over to another configuration of the same virtual server; also returns the checks to be started."""
        added: list[tuple[ServerState, CheckerMachine]] = []
        before, self.servers = self.servers, {}
        self.config = config
        for wanted in config.servers:
            key = dest_key(wanted.dest)
            if key in self.servers:
                continue
            if (found := before.pop(key, None)) is None:
                found = ServerState(wanted)
                new = found.checks
            else:
                new = found.reload(wanted)
            self.servers[key] = found
            added += [(found, check) for check in new]
        for gone in before.values():
            self._remove(gone)
        for server in self.servers.values():
            if server.healthy != server.alive:
                self._turn(server, None, None)
        self._judge(starting=True)
        return self._take(), added

    def stop(self, *, shutting_down: bool) -> list[Command]:
        """The end. Notifications are silent at shutdown without omega; a service that a reload removed tells."""
        if not shutting_down or self.config.omega:
            for server in self.servers.values():
                if server.alive:
                    server.alive = False
                    self._tell_server(
                        server, mail=True, why="=> Shutting down <=" if shutting_down else "=> Removing <="
                    )
            if self.quorum_up or shutting_down:
                self.quorum_up = False
                self._tell_quorum("=> Shutting down <=" if shutting_down else self._quorum_text("Lost quorum", -1, 0))
        return self._take()

    # Servers

    def _remove(self, server: ServerState) -> None:
        state = "alive" if server.alive else "dead"
        present = "set" if dest_key(server.config.dest) in self.pool else "unset"
        inhibited = "(inhibited) " if server.config.inhibit_on_failure and not server.alive else ""
        self._log(f"Removing {inhibited}service {self._name(server)} ({present},{state}) from VS {self.config.name}")
        if server.alive:
            server.alive = False
            self._tell_server(server, mail=True, why="=> Removing <=")

    def _turn(self, server: ServerState, check: CheckerMachine | None, outcome: Outcome | None) -> None:
        """A server comes up or goes down."""
        server.alive = server.healthy
        inhibit = server.config.inhibit_on_failure
        verbs = ("Enabling", "Disabling") if inhibit else ("Adding", "Removing")
        self._log(f"{verbs[not server.alive]} service {self._name(server)} to VS {self.config.name}")
        kind = f"{check.checker.kind} " if check else ""
        what = "CHECK succeed" if server.alive else "CHECK failed"
        reason = f" : {outcome.reason}" if outcome and outcome.reason else ""
        self._settle_pool()
        self._tell_server(server, mail=True, why=f"=> {kind}{what} on service{reason} <=")
        self._judge()

    def _tell_server(self, server: ServerState, *, mail: bool, why: str = "") -> None:
        config = server.config
        program = config.notify_up if server.alive else config.notify_down
        state = "UP" if server.alive else "DOWN"
        if program is not None:
            self._do(RunScript(program))
        self._do(FifoLine(f"RS {self._name(server)} {self.config.name} {state}"))
        if mail and config.smtp_alert:
            self._do(Mail(f"Realserver {self._name(server)} of virtual server {self.config.name} - {state}", why))

    def _log_attempt(self, check: CheckerMachine, judgement: Judgement, outcome: Outcome) -> None:
        checker = check.checker
        if judgement.decided is None:
            if outcome.verdict is Verdict.UNDECIDED:
                self._log(f"{checker.kind} on service {check_name(checker)} could not run: {outcome.reason}")
            elif outcome.verdict is Verdict.BAD and (self.log_all_failures or checker.timing.log_all_failures):
                self._log(f"{checker.kind} on service {check_name(checker)} failed: {outcome.reason}")
        elif not judgement.changed and not judgement.first:
            return
        elif judgement.decided:
            succeeded = (
                f"TCP connection to {check_name(checker)} success."
                if checker.kind == "TCP_CHECK"
                else f"{checker.kind} on service {check_name(checker)} success."
            )
            self._log(succeeded)
        else:
            after = f" after {judgement.retries} retries" if judgement.retries else ""
            reason = f" ({outcome.reason})" if outcome.reason else ""
            self._log(f"{checker.kind} on service {check_name(checker)} failed{after}.{reason}")

    # Quorum

    def _judge(self, *, starting: bool = False) -> None:
        config, weight = self.config, self.live_weight
        if not self.quorum_up and weight >= config.quorum + config.hysteresis:
            text = self._quorum_text("Gained quorum", 1, weight)
            self.quorum_up = True
            self._log(f"{text} for VS {config.name}")
            self._settle_pool()
            self._tell_quorum(f"=> {text} <=")
        elif self.quorum_up and (not weight or weight < config.quorum - config.hysteresis):
            text = self._quorum_text("Lost quorum", -1, weight)
            self.quorum_up = False
            self._log(f"{text} for VS {config.name}")
            self._settle_pool()
            self._tell_quorum(f"=> {text} <=")
        elif starting and self.sorry and not self._sorry_in_pool():
            text = self._quorum_text("Starting with quorum down", 1, weight)
            self._log(f"{text} for VS {config.name}")
            self._settle_pool()
            self._tell_quorum(f"=> {text} <=")
        else:
            self._settle_pool()

    def _quorum_text(self, what: str, sign: int, weight: int) -> str:
        config = self.config
        threshold = config.quorum + sign * config.hysteresis
        enough = "<=" if weight >= threshold and weight else ">"
        return f"{what} {config.quorum}{'+' if sign > 0 else '-'}{config.hysteresis}={threshold} {enough} {weight}"

    def _tell_quorum(self, why: str) -> None:
        config = self.config
        program = config.quorum_up if self.quorum_up else config.quorum_down
        state = "UP" if self.quorum_up else "DOWN"
        if program is not None:
            self._do(RunScript(program))
        self._do(FifoLine(f"VS {config.name} {state}"))
        if config.smtp_alert:
            self._do(Mail(f"Virtualserver {config.name} - {state}", why))

    # The pool

    def _sorry_in_pool(self) -> bool:
        sorry = self.config.sorry_server
        found = self.pool.get(dest_key(sorry)) if sorry is not None else None
        return found is not None and not found.inhibited

    def _wanted(self) -> dict[DestKey, Dest]:
        wanted: dict[DestKey, Dest] = {}
        for key, server in self.servers.items():
            dest = server.dest(serving=server.alive and not self.sorry)
            if dest is not None:
                wanted[key] = dest
        sorry = self.config.sorry_server
        if sorry is not None and self.sorry:
            wanted[dest_key(sorry)] = sorry
        elif sorry is not None and self.config.sorry_server_inhibit:
            wanted.setdefault(dest_key(sorry), _at_rest(sorry))
        return wanted

    def _settle_pool(self) -> None:
        """What joins before what leaves: the service is never without a server in between."""
        before, self.pool = self.pool, self._wanted()
        sorry = self.config.sorry_server
        commands: list[AddDest | EditDest | DelDest] = []
        commands += [AddDest(dest) for key, dest in self.pool.items() if key not in before]
        commands += [EditDest(dest) for key, dest in self.pool.items() if key in before and before[key] != dest]
        commands += [DelDest(dest) for key, dest in before.items() if key not in self.pool]
        for command in commands:
            if sorry is not None and dest_key(command.dest) == dest_key(sorry):
                self._log_sorry(command)
            self._do(command)

    def _log_sorry(self, command: AddDest | EditDest | DelDest) -> None:
        inhibit = self.config.sorry_server_inhibit
        serving = not isinstance(command, DelDest) and not command.dest.inhibited
        if isinstance(command, AddDest) and not serving:
            return
        if serving:
            verb, preposition = ("Enabling" if inhibit else "Adding"), "to"
        else:
            verb, preposition = ("Disabling" if inhibit else "Removing"), "from"
        name = server_name(self.config, command.dest)
        self._log(f"{verb} sorry server {name} {preposition} VS {self.config.name}")

    # Commands

    def _name(self, server: ServerState) -> str:
        return server_name(self.config, server.config.dest)

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _log(self, text: str) -> None:
        self._do(Log(text))

    def _take(self) -> list[Command]:
        commands, self._commands = self._commands, []
        return commands


def _at_rest(sorry: Dest) -> Dest:
    return replace(sorry, weight=0, inhibited=True)
