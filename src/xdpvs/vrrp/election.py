"""What an advert means to a router in BACKUP or MASTER state: who outranks whom (RFC 5798 6.4.2, 6.4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdpvs.model.address import IPAddress
from xdpvs.packet.vrrp import Advertisement
from xdpvs.vrrp.commands import Command, Level, Log
from xdpvs.vrrp.timing import OWNER_PRIORITY
from xdpvs.vrrp.transitions import Event

if TYPE_CHECKING:
    from xdpvs.vrrp.virtual_router import VirtualRouter


def hear_as_backup(router: VirtualRouter, advert: Advertisement, source: IPAddress, now: float) -> list[Command]:
    """Follow the advert, or let the timer run on."""
    if advert.priority == 0:
        commands = router.log_limited("zero", Level.INFO, "Backup received priority 0 advertisement", now)
        return commands + router.fire(Event.RESIGNED, now)
    router.master, router.master_priority = source, advert.priority
    outranks = advert.priority >= router.priority
    if not (outranks or router.config.nopreempt or _delays_preemption(router, now)):
        text = f"received lower priority ({advert.priority}) advert from {source} - discarding"
        return router.log_limited(f"lower {source}", Level.INFO, text, now) + router.fire(Event.LOWER, now)
    router.wants_master = False
    commands = _learn_interval(router, advert, now)
    if outranks:
        router.preempt_at = None
    elif router.config.preempt_delay_s and router.preempt_at is None:
        router.preempt_at = now + router.config.preempt_delay_s
        text = f"({router.name}) start preempt delay ({router.config.preempt_delay_s:g} s)"
        commands.append(Log(Level.DETAIL, text))
    return commands + router.fire(Event.OUTRANKED, now)


def _delays_preemption(router: VirtualRouter, now: float) -> bool:
    return router.config.preempt_delay_s > 0 and (router.preempt_at is None or router.preempt_at > now)


def hear_as_master(router: VirtualRouter, advert: Advertisement, source: IPAddress, now: float) -> list[Command]:
    """Answer, or give way."""
    theirs = advert.priority
    if theirs == 0:
        commands = router.log_limited("zero", Level.INFO, "Master received priority 0 advertisement", now)
        return commands + router.fire(Event.RESIGNED, now)
    order = _compare(source, router.source)
    commands = []
    if router.config.higher_prio_send_advert and (theirs, order) > (router.priority, 0):
        commands += router.advertisement(router.priority)
    if theirs == router.priority and order == 0:
        text = f"equal priority advert received from remote host with our IP address {source}"
        return commands + router.log_limited("own address", Level.WARNING, text, now)
    if theirs == router.priority == OWNER_PRIORITY:
        commands += router.give_up_ownership(source)
    if (theirs, order) > (router.priority, 0):
        router.master, router.master_priority = source, theirs
        router.wants_master = False
        rank = f"higher priority {theirs}" if theirs > router.priority else f"same priority {theirs} but higher address"
        text = f"({router.name}) Master received advert from {source} with {rank}, ours {router.priority}"
        commands += [Log(Level.INFO, text), *_learn_interval(router, advert, now)]
        return commands + router.fire(Event.OUTRANKED, now)
    text = f"Received advert from {source} with lower priority {theirs}, ours {router.priority}"
    if not router.config.lower_prio_no_advert:
        text += ", forcing new election"
    commands += router.log_limited(f"lower {source}", Level.INFO, text, now)
    return commands + router.fire(Event.LOWER, now)


def _learn_interval(router: VirtualRouter, advert: Advertisement, now: float) -> list[Command]:
    interval_s = advert.interval_cs / 100
    if router.config.version == 2 or interval_s == router.master_interval_s:
        return []
    before, router.master_interval_s = router.master_interval_s, interval_s
    text = f"advertisement interval is {interval_s:g} s now, was {before:g} s"
    return router.log_limited("interval", Level.INFO, text, now)


def _compare(theirs: IPAddress, ours: IPAddress | None) -> int:
    """Order of two source addresses of one family: -1, 0 or 1."""
    if ours is None or theirs.version != ours.version:
        return 0
    return (int(theirs) > int(ours)) - (int(theirs) < int(ours))
