"""Virtual addresses and their actions in the event loop (v1.10)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable

from xdpvs.healthcheck.actions import plan
from xdpvs.healthcheck.agent import AgentClient
from xdpvs.healthcheck.conf import AddressRule
from xdpvs.healthcheck.doing import ActionFailed, is_present, perform
from xdpvs.healthcheck.virtual_address import AddressHealth
from xdpvs.model.address import IPAddress

_log = logging.getLogger(__name__)


class Addresses:
    """One AddressHealth for each address; states(address) says what its services are."""

    def __init__(self, agent: AgentClient, states: Callable[[IPAddress], Iterable[bool | None]]) -> None:
        self._agent = agent
        self._states = states
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[IPAddress, asyncio.Lock] = {}
        self.health: dict[IPAddress, AddressHealth] = {}

    def follow(self, rules: dict[IPAddress, AddressRule]) -> None:
        """Make the addresses these. One that is gone stays as it is; a changed action first takes its address down."""
        for address in [address for address in self.health if address not in rules]:
            del self.health[address]
        for address in [address for address, turn in self._turns.items() if not turn.locked()]:
            if address not in rules:
                del self._turns[address]
        for address, rule in rules.items():
            known = self.health.get(address)
            if known is None:
                self.health[address] = AddressHealth(rule)
            elif known.rule != rule:
                if (known.rule.actioner, known.rule.action_params) == (rule.actioner, rule.action_params):
                    known.rule = rule
                    continue
                # Whatever is under way counts for the old action, which is undone after it.
                if known.acted or known.acting:
                    self._spawn(self._undo(address, known.rule))
                self.health[address] = known.with_action(rule)

    def judge(self, address: IPAddress) -> None:
        """Something about an address's services is new."""
        health = self.health.get(address)
        if health is None:
            return
        now = asyncio.get_running_loop().time()
        health.judge(self._states(address), now)
        up = health.due(now)
        if up is not None:
            self._spawn(self._act(address, health, up))

    def sync(self) -> None:
        """To be called every second or so: actions that failed, interfaces that others may have changed."""
        now = asyncio.get_running_loop().time()
        for address, health in self.health.items():
            if health.look_due(now):
                self._spawn(self._verify(address, health))
            else:
                self.judge(address)

    async def close(self) -> None:
        """Give up what is under way; nothing is undone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an action failed", exc_info=error)

    async def _act(self, address: IPAddress, health: AddressHealth, up: bool) -> None:
        succeeded = False
        try:
            succeeded = await self._perform(address, health.rule, up=up)
        finally:
            health.done(succeeded, asyncio.get_running_loop().time())
        self.judge(address)

    async def _undo(self, address: IPAddress, rule: AddressRule) -> None:
        await self._perform(address, rule, up=False)

    async def _perform(self, address: IPAddress, rule: AddressRule, *, up: bool) -> bool:
        """One action after the other, as they were asked for."""
        word = "UP" if up else "DOWN"
        async with self._turns.setdefault(address, asyncio.Lock()):
            steps = plan(rule.actioner, rule.action_params, address, up=up)
            try:
                await perform(steps, self._agent, rule.action_timeout_s)
            except ActionFailed as error:
                _log.warning("%s: action %s %s failed: %s", address, rule.actioner, word, error)
                return False
        _log.info("%s: action %s %s done", address, rule.actioner, word)
        return True

    async def _verify(self, address: IPAddress, health: AddressHealth) -> None:
        async with self._turns.setdefault(address, asyncio.Lock()):
            try:
                found = await is_present(health.rule.action_params["ifname"], address)
            except ActionFailed as error:
                _log.warning("%s: %s", address, error)
                return
            if found != health.acted:
                _log.warning("%s: somebody has %s it", address, "added" if found else "removed")
            health.found(found)
        self.judge(address)
