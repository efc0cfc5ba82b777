"""Everything in one event loop: fetches the list, runs the checks, sends the reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterable

from xdpvs.healthcheck.addresses import Addresses
from xdpvs.healthcheck.agent import SLICE, AgentAway, AgentClient, AgentTrouble
from xdpvs.healthcheck.conf import Conf
from xdpvs.healthcheck.flags import Generation
from xdpvs.healthcheck.listing import ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.options import Options
from xdpvs.healthcheck.rules import CheckRule, rule_for
from xdpvs.healthcheck.service import Report, ServiceHealth
from xdpvs.healthcheck.statistics import CheckNumbers, Ended, Traffic
from xdpvs.healthcheck.watched import Watched
from xdpvs.model.address import IPAddress
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)

RETRY_FETCH_S = 5.0
REPORTS_AT_ONCE = 32
_SYNC_S = 1.0
_WARNINGS_SHOWN = 10


class Runner:
    """start(), then it works until close()."""

    def __init__(self, options: Options, agent: AgentClient, conf: Conf, prober: Prober) -> None:
        self.options = options
        self.conf = conf
        self.numbers = CheckNumbers()
        self.traffic = Traffic()
        self.ended = Ended()
        self.services: dict[ServiceId, Watched] = {}
        self.addresses = Addresses(agent, self._states)
        self.started_at = asyncio.get_running_loop().time()
        self.fetched_at: float | None = None
        self._agent = agent
        self._prober = prober
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        # Services with something to report, in that order; what exactly is decided when it is their turn.
        self._waiting: dict[ServiceId, None] = {}
        self._senders = 0
        self._warned: set[str] = set()
        self._agent_away = False
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

    def set_conf(self, conf: Conf) -> None:
        """Another configuration; it counts from the next fetch on."""
        self.conf = conf

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
                # A mistake of ours must not end all checks.
                _log.exception("the list of services could not be taken over")
                fetched = False
            interval_s = self.options.fetch_interval_s
            await asyncio.sleep(interval_s if fetched else min(interval_s, RETRY_FETCH_S))

    async def _fetch(self) -> bool:
        asked_at = self.now()
        try:
            listed, warnings = await self._agent.services()
        except AgentTrouble as error:
            self.traffic.failed_fetches += 1
            self._agent_away = True
            self._warn([f"{error}; what is known stays"])
            return False
        self.traffic.fetches += 1
        self.traffic.skipped += len(warnings)
        self.fetched_at = self.now()
        if self._agent_away:
            self._agent_away = False
            _log.info("the agent answers again")
            for watched in self.services.values():
                watched.health.retry_now()
        self._warn([*warnings, *await self._follow(listed, asked_at)])
        return True

    def _warn(self, warnings: Collection[str]) -> None:
        """Once, as long as it stays the same."""
        new = [warning for warning in warnings if warning not in self._warned]
        for warning in new[:_WARNINGS_SHOWN]:
            _log.warning("%s", warning)
        if len(new) > _WARNINGS_SHOWN:
            _log.warning("and %d more", len(new) - _WARNINGS_SHOWN)
        self._warned = set(warnings)

    async def _follow(self, listed: Iterable[ListedService], asked_at: float) -> list[str]:
        """Make services and servers those of the list; says which services cannot be checked, and why.

        A slice at a time: checks go on meanwhile.
        """
        present: dict[ServiceId, ListedService] = {service.id: service for service in listed}
        for gone in [each for each in self.services if each not in present]:
            _log.info("%s is gone", gone.wire)
            watched = self.services.pop(gone)
            watched.stop()
            self.ended.services += 1
            self.ended.servers += len(watched.health.servers)
            self._started_at.pop(gone, None)
        problems = []
        seen = 0
        for service in present.values():
            try:
                self._follow_one(service, asked_at)
            except ValueError as error:
                problems.append(f"{service.id.wire}: {error}; its servers are not checked")
            seen += 1 + len(service.servers)
            if seen >= SLICE:
                seen = 0
                await asyncio.sleep(0)
        by_address: dict[IPAddress, list[ServiceId]] = {}
        for each in self.services:
            by_address.setdefault(each.address, []).append(each)
        self.ended.addresses += len(self._by_address.keys() - by_address.keys())
        self._by_address = by_address
        if self.options.generation is Generation.C:
            self.addresses.follow({address: self.conf.address_rule(str(address)) for address in by_address})
            for address in by_address:
                self.addresses.judge(address)
        return problems

    def _follow_one(self, listed: ListedService, asked_at: float) -> None:
        rule = rule_for(self.options, self.conf, listed)
        watched = self.services.get(listed.id)
        if watched is None:
            watched = self.services[listed.id] = self._new(listed, rule)
        elif watched.health.stale(listed, asked_at):
            return
        self.ended.servers += watched.follow(listed, rule, asked_at, self.now())
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
        """Have what there is to report about a service sent, unless a report is under way."""
        watched = self.services.get(service)
        if watched is None or watched.rule.check is None or watched.health.reporting:
            return
        self._waiting[service] = None
        if self._senders < REPORTS_AT_ONCE:
            self._senders += 1
            self._spawn(self._send_waiting())

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                service = next(iter(self._waiting))
                del self._waiting[service]
                watched = self.services.get(service)
                if watched is not None and watched.rule.check is not None:
                    report = watched.health.due(self.now())
                    if report is not None:
                        await self._send(watched, report)
        finally:
            self._senders -= 1

    async def _send(self, watched: Watched, report: Report) -> None:
        health = watched.health
        for each in report.servers:
            if each.guessed:
                name = (report.service.wire, *each.key)
                _log.warning("%s: %s port %d: its weight is not known any more; takes %d", *name, each.weight)
        try:
            answer = await self._agent.report(report, watched.rule.report_timeout_s)
        except AgentTrouble as error:
            self.traffic.reports_failed += 1
            health.failed(self.now(), unanswered=isinstance(error, AgentAway))
            # Once: an agent that is away is away for every service, and for long perhaps.
            level = logging.WARNING if health.failures == 1 else logging.DEBUG
            _log.log(level, "%s: report of %d servers failed: %s", report.service.wire, len(report.servers), error)
        except BaseException:
            health.failed(self.now())
            raise
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
                    self.ended.servers += watched.follow(answer, watched.rule, self.now(), self.now())
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
        while True:
            await asyncio.sleep(_SYNC_S)
            try:
                self._sync(self.now())
            except Exception:
                # A mistake of ours must not end all actions.
                _log.exception("virtual addresses could not be looked after")

    def _sync(self, now: float) -> None:
        """Services without a verdict by their first sync are judged by what there is; actions are looked after."""
        for service, watched in self.services.items():
            if watched.health.up is None and now - self._started_at[service] >= watched.rule.retry_report_s:
                watched.health.judge(now, first_sync=True)
        self.addresses.sync()


def _shown(report: Report) -> str:
    if len(report.servers) > 3:
        return f"{len(report.servers)} servers"
    return ", ".join(
        f"{each.key[0]} port {each.key[1]} {f'up, weight {each.weight}' if each.up else 'down'}"
        for each in report.servers
    )
