"""Sync groups: instances that change state together.

One member in FAULT puts all there. A member whose timer ran out becomes master only when all others want so too (or
the group is master already), and takes them along; one that gives way takes them along as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.vrrp import VrrpState, VrrpSyncGroup
from xdpvs.vrrp.commands import Command, Level, Log, Notice, Notify, Subject
from xdpvs.vrrp.transitions import Event
from xdpvs.vrrp.virtual_router import VirtualRouter


class SyncGroup:
    """A group over the machines of its members."""

    def __init__(self, config: VrrpSyncGroup, members: Sequence[VirtualRouter]) -> None:
        self.config = config
        self.members = list(members)
        self.state = VrrpState.INIT
        self._busy = False
        for member in self.members:
            member.group = self

    def start(self, now: float) -> list[Command]:
        """Begin, or take in those that a reload added: all in one state, master only if all own their addresses."""
        event = Event.READY
        if any(member.is_blocked for member in self.members):
            event = Event.HINDERED
        elif all(member.is_owner and member.wants_master for member in self.members):
            event = Event.OWNED
        commands: list[Command] = []
        self._busy = True
        for member in self.members:
            if member.state is VrrpState.INIT:
                commands += member.start(now, event=event)
        self._busy = False
        commands += self.settle(now)
        states = {member.state for member in self.members}
        return commands + self._enter(states.pop() if len(states) == 1 else VrrpState.BACKUP)

    def may_become_master(self, router: VirtualRouter) -> bool:
        """Whether a member whose time has come need not wait for others."""
        return self.state is VrrpState.MASTER or all(
            member is router or member.state is VrrpState.MASTER or self._is_willing(member) for member in self.members
        )

    def _is_willing(self, member: VirtualRouter) -> bool:
        return member.wants_master and member.state is VrrpState.BACKUP

    def follow(self, router: VirtualRouter, before: VrrpState, event: Event, now: float) -> list[Command]:
        """A member changed by itself: take the others along."""
        if self._busy or router.state is VrrpState.STOP:
            return []
        after = router.state
        if after is VrrpState.MASTER and before is not VrrpState.MASTER:
            return self._sync(VrrpState.MASTER, Event.EXPIRED, now)
        if event is not Event.OUTRANKED or after is not VrrpState.BACKUP:
            return []
        if any(member.state is VrrpState.MASTER for member in self.members):
            return self._sync(VrrpState.BACKUP, Event.OUTRANKED, now)
        return self._enter(VrrpState.BACKUP)

    def settle(self, now: float) -> list[Command]:
        """All into FAULT, or all out of it, as the hindrances of all of them say."""
        if self._busy:
            return []
        active = [member for member in self.members if member.state not in (VrrpState.INIT, VrrpState.STOP)]
        if any(member.is_blocked for member in active):
            return self._fail(now)
        if not any(member.state is VrrpState.FAULT for member in active):
            return []
        if all(member.is_owner for member in active):
            return self._sync(VrrpState.MASTER, Event.OWNED, now)
        return self._sync(VrrpState.BACKUP, Event.READY, now)

    def announce_again(self, router: VirtualRouter, now: float) -> list[Command]:
        """ARP of the other members after one of them heard a worse master."""
        others = [m for m in self.members if m is not router and m.state is VrrpState.MASTER]
        return [command for member in others for command in member.announce_again(now)]

    def stop(self) -> list[Command]:
        """The members have stopped."""
        return self._enter(VrrpState.STOP)

    def _fail(self, now: float) -> list[Command]:
        commands = self._sync(VrrpState.FAULT, Event.HINDERED, now)
        self._busy = True
        for member in self.members:
            if member.is_blocked and member.has_news_of_fault():
                commands += member.fire(Event.HINDERED, now)
        self._busy = False
        return commands

    def _sync(self, state: VrrpState, event: Event, now: float) -> list[Command]:
        commands: list[Command] = []
        self._busy = True
        if any(member.state is not state for member in self.members):
            commands.append(Log(Level.INFO, f"VRRP_Group({self.config.name}) Syncing instances to {state.value} state"))
        for member in self.members:
            if member.state is not state:
                commands += member.fire(event, now)
        self._busy = False
        return commands + self._enter(state)

    def _enter(self, state: VrrpState) -> list[Command]:
        if state is self.state:
            return []
        self.state = state
        is_silent = state is VrrpState.FAULT and not any(member.tracker.hindrances() for member in self.members)
        if is_silent or state is VrrpState.INIT:
            return []
        return [Notify(Subject.GROUP, self.config.name, Notice(state.value), 0, self.config.notifications)]
