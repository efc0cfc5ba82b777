"""Everything in one event loop: fetches the list, runs the checks, sends the reports."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass

from xdpvs.healthcheck.addresses import Addresses
from xdpvs.healthcheck.agent import AgentAway, AgentClient, AgentTrouble
from xdpvs.healthcheck.conf import AddressRule, Conf
from xdpvs.healthcheck.flags import Generation
from xdpvs.healthcheck.listing import ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.options import Options
from xdpvs.healthcheck.rules import CheckRule, rule_for
from xdpvs.healthcheck.service import Report, ServiceHealth
from xdpvs.healthcheck.watched import CheckNumbers, Watched
from xdpvs.model.address import IPAddress
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)

RETRY_FETCH_S = 5.0
REPORTS_AT_ONCE = 32
_SYNC_S = 1.0
_WARNINGS_SHOWN = 10


@dataclass(slots=True)
class Traffic:
    """What was said to the agent."""

    fetches: int = 0
    failed_fetches: int = 0
    skipped: int = 0
    """Entries of lists that could not be used."""
    reports_taken: int = 0
    reports_stale: int = 0
    reports_failed: int = 0


class Runner:
    """start(), then it works until close(). conf may be replaced at any time; it counts from the next fetch on."""

    def __init__(self, options: Options, agent: AgentClient, conf: Conf, prober: Prober) -> None:
        self.options = options
        self.conf = conf
        self.numbers = CheckNumbers()
        self.traffic = Traffic()
        self.services: dict[ServiceId, Watched] = {}
        self.addresses = Addresses(agent, self._states)
        self.fetched_at: float | None = None
        self._agent = agent
        self._prober = prober
        self._loop = asyncio.get_running_loop()
        self.began_at = self._loop.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Semaphore(REPORTS_AT_ONCE)
        self._warned: set[str] = set()
        self._by_address: dict[IPAddress, list[ServiceId]] = {}
        self._started_at: dict[ServiceId, float] = {}

    def start(self) -> None:
        """Begin."""
        self._spawn(self._fetch_again_and_again())
        if self.options.generation is Generation.C:
            self._spawn(self._sync_again_and_again())

    async def close(self) -> None:
        """End at once; nothing is undone."""
        for watched in self.services.values():
            watched.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.addresses.close()

    def now(self) -> float:
        """The clock of all times here."""
        return self._loop.time()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task failed", exc_info=error)

    # The list

    async def _fetch_again_and_again(self) -> None:
        while True:
            try:
                fetched = await self._fetch()
            except Exception:
                # A mistake of ours must not be the end of all checks.
                _log.exception("the list could not be followed")
                fetched = False
            interval_s = self.options.fetch_interval_s
            await asyncio.sleep(interval_s if fetched else min(interval_s, RETRY_FETCH_S))

    async def _fetch(self) -> bool:
        asked_at = self.now()
        try:
            listed, warnings = await self._agent.services()
        except AgentTrouble as error:
            self.traffic.failed_fetches += 1
            self._warn([f"{error}; what is known stays"])
            return False
        self.traffic.fetches += 1
        self.traffic.skipped += len(warnings)
        self.fetched_at = self.now()
        self._warn([*warnings, *self.follow(listed, asked_at)])
        return True

    def _warn(self, warnings: Collection[str]) -> None:
        """Once, as long as it stays the same."""
        new = [warning for warning in warnings if warning not in self._warned]
        for warning in new[:_WARNINGS_SHOWN]:
            _log.warning("%s", warning)
        if len(new) > _WARNINGS_SHOWN:
            _log.warning("and %d more", len(new) - _WARNINGS_SHOWN)
        self._warned = set(warnings)

    def follow(self, listed: Iterable[ListedService], asked_at: float) -> list[str]:
        """Make services and servers those of the list; says which services cannot be checked, and why."""
        present: dict[ServiceId, ListedService] = {service.id: service for service in listed}
        for gone in [each for each in self.services if each not in present]:
            _log.info("%s is gone", gone.wire)
            self.services.pop(gone).stop()
            self._started_at.pop(gone, None)
        problems = []
        for service in present.values():
            try:
                self._follow_one(service, asked_at)
            except ValueError as error:
                problems.append(f"{service.id.wire}: {error}; its servers are not checked")
        if self.options.generation is Generation.C:
            self._by_address = {}
            for each in self.services:
                self._by_address.setdefault(each.address, []).append(each)
            self.addresses.follow({address: self._address_rule(address) for address in self._by_address})
            for address in self._by_address:
                self.addresses.judge(address)
        return problems

    def _address_rule(self, address: IPAddress) -> AddressRule:
        return self.conf.address_rule(str(address))

    def _follow_one(self, listed: ListedService, asked_at: float) -> None:
        rule = rule_for(self.options, self.conf, listed)
        watched = self.services.get(listed.id)
        if watched is None:
            watched = self.services[listed.id] = self._new(listed, rule)
        elif watched.health.stale(listed, asked_at):
            return
        watched.follow(listed, rule, asked_at, self.now())
        watched.health.judge(self.now())
        self.flush(listed.id)

    def _new(self, listed: ListedService, rule: CheckRule) -> Watched:
        _log.info("%s: %d servers, checked by %s", listed.id.wire, len(listed.servers), rule.method or "nothing")
        health = ServiceHealth(listed.id, retry_s=rule.retry_report_s, report_first=not rule.eager)
        health.since = self.now()
        self._started_at[listed.id] = self.now()
        return Watched(health, rule, self._prober, self.numbers, self._news)

    # Verdicts and reports

    def _news(self, service: ServiceId, server: ServerKey, up: bool, reason: str) -> None:
        log = _log.info if up else _log.warning
        log("%s: %s port %d is %s%s", service.wire, *server, "up" if up else "down", f": {reason}" if reason else "")
        self.flush(service)
        self.services[service].health.judge(self.now())
        self.addresses.judge(service.address)

    def flush(self, service: ServiceId) -> None:
        """Send what there is to report about a service, unless a report is under way."""
        watched = self.services.get(service)
        if watched is None or watched.rule.check is None:
            return
        report = watched.health.due(self.now())
        if report is not None:
            self._spawn(self._send(watched, report))

    async def _send(self, watched: Watched, report: Report) -> None:
        health = watched.health
        try:
            async with self._sending:
                answer = await self._agent.report(report, watched.rule.report_timeout_s)
            if answer is not None and answer.id != report.service:
                raise AgentTrouble(f"answered with {answer.id.wire}")
        except AgentTrouble as error:
            self.traffic.reports_failed += 1
            health.failed(self.now(), unanswered=isinstance(error, AgentAway))
            _log.warning("%s: report of %d servers failed: %s", report.service.wire, len(report.servers), error)
        else:
            if answer is None:
                self.traffic.reports_taken += 1
                health.accepted(self.now())
                _log.info("%s: reported %s", report.service.wire, _shown(report))
            else:
                self.traffic.reports_stale += 1
                _log.info("%s: version %s is not %s any more", report.service.wire, report.version, answer.version)
                health.conflicted(answer, self.now())
                if self.services.get(report.service) is watched:
                    watched.follow(answer, watched.rule, self.now(), self.now())
        if self.services.get(report.service) is not watched:
            return
        self.flush(report.service)
        again_at = health.next_timer()
        if again_at is not None:
            self._loop.call_at(again_at, self.flush, report.service)

    # Virtual addresses

    def _states(self, address: IPAddress) -> list[bool | None]:
        return [self.services[each].health.up for each in self._by_address.get(address, ()) if each in self.services]

    async def _sync_again_and_again(self) -> None:
        """Services without a verdict by their first sync are judged by what there is; actions are looked after."""
        last = self.now()
        while True:
            await asyncio.sleep(_SYNC_S)
            now = self.now()
            for service, watched in self.services.items():
                if watched.health.up is None and now - self._started_at[service] >= watched.rule.retry_report_s:
                    watched.health.judge(now, first_sync=True)
                    self.addresses.judge(service.address)
            if now - last >= min((h.rule.action_sync_s for h in self.addresses.health.values()), default=60.0):
                last = now
                self.addresses.sync()
            else:
                with contextlib.suppress(RuntimeError):
                    for address in list(self.addresses.health):
                        self.addresses.judge(address)


def _shown(report: Report) -> str:
    if len(report.servers) > 3:
        return f"{len(report.servers)} servers"
    return ", ".join(
        f"{each.key[0]} port {each.key[1]} {f'up, weight {each.weight}' if each.up else 'down'}"
        for each in report.servers
    )
