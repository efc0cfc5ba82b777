"""The states of a virtual router, as one table.

Theory of operation. A router that nothing hinders is BACKUP or MASTER. A backup listens: adverts it accepts restart
its master-down timer (three intervals and a skew that is the shorter the higher its priority), so when the master
falls silent the best backup takes over first, and its first advert keeps the others quiet. A backup that is better
than the master simply does not accept the adverts; its timer then runs out as if nobody spoke, which is preemption.
A leaving master sends priority 0, and backups wait for the skew only. A master answers who is worse, so that it
gives up, and gives way to who is better; equal priorities are decided by the higher source address.

FAULT is outside the protocol: something tracked without weight failed, or the source address is missing. Nothing is
sent or believed there. The owner of the addresses (priority 255) never waits: READY is OWNED for it.

MASTER is entered in the order that loses least: addresses, routes, ARP, programs, then the advert (the others keep
silent for longer than that takes); it is left the other way round, the priority-0 advert first where one is sent.

Sync groups use the same events: a group takes its members along by firing EXPIRED, OUTRANKED, HINDERED or READY at
them (sync_group).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from xdpvs.model.vrrp import VrrpState


class Event(enum.Enum):
    """What can happen to a router."""

    READY = "nothing hinders it (any more)"
    OWNED = "nothing hinders it, and it owns the addresses"
    HINDERED = "something hinders it"
    EXPIRED = "its timer ran out: master down, or the next advert is due"
    OUTRANKED = "an advert to be followed"
    RESIGNED = "an advert with priority 0"
    LOWER = "an advert not to be followed"
    STOPPED = "keepalived stops"


class Action(enum.Enum):
    """What a transition does, after the new state is set."""

    LOG_STATE = "log the new state"
    ADD = "addresses and routes into DPVS, ARP bursts begin"
    REMOVE = "routes and addresses out of DPVS, ARP bursts end"
    ADVERTISE = "send an advert, the next one after an interval"
    RESIGN = "send an advert with priority 0"
    ANSWER_LOWER = "send an advert and ARP to whom a worse master misled"
    WAIT = "timer: master down"
    WAIT_SKEW = "timer: skew"
    WAIT_FIRST = "timer: master down, by the own interval"
    REST = "no timer"
    NOTIFY = "programs, FIFO, mail"


_INIT, _BACKUP, _MASTER, _FAULT, _STOP = (
    VrrpState.INIT,
    VrrpState.BACKUP,
    VrrpState.MASTER,
    VrrpState.FAULT,
    VrrpState.STOP,
)
_LISTEN = (_BACKUP, (Action.LOG_STATE, Action.WAIT_FIRST, Action.NOTIFY))
_TAKE_OVER = (_MASTER, (Action.LOG_STATE, Action.ADD, Action.NOTIFY, Action.ADVERTISE))
_FAIL = (_FAULT, (Action.LOG_STATE, Action.REST, Action.NOTIFY))
_END = (_STOP, (Action.REST, Action.NOTIFY))

TRANSITIONS: Mapping[tuple[VrrpState, Event], tuple[VrrpState, tuple[Action, ...]]] = {
    (_INIT, Event.READY): _LISTEN,
    (_INIT, Event.OWNED): _TAKE_OVER,
    (_INIT, Event.HINDERED): _FAIL,
    (_INIT, Event.STOPPED): _END,
    (_BACKUP, Event.EXPIRED): _TAKE_OVER,
    (_BACKUP, Event.OUTRANKED): (_BACKUP, (Action.WAIT,)),
    (_BACKUP, Event.RESIGNED): (_BACKUP, (Action.WAIT_SKEW,)),
    (_BACKUP, Event.LOWER): (_BACKUP, ()),
    (_BACKUP, Event.HINDERED): _FAIL,
    (_BACKUP, Event.STOPPED): _END,
    (_MASTER, Event.EXPIRED): (_MASTER, (Action.ADVERTISE,)),
    (_MASTER, Event.RESIGNED): (_MASTER, (Action.ADVERTISE,)),
    (_MASTER, Event.LOWER): (_MASTER, (Action.ANSWER_LOWER,)),
    (_MASTER, Event.OUTRANKED): (_BACKUP, (Action.LOG_STATE, Action.REMOVE, Action.NOTIFY, Action.WAIT)),
    (_MASTER, Event.HINDERED): (
        _FAULT,
        (Action.RESIGN, Action.LOG_STATE, Action.REMOVE, Action.REST, Action.NOTIFY),
    ),
    (_MASTER, Event.STOPPED): (_STOP, (Action.RESIGN, Action.REMOVE, Action.REST, Action.NOTIFY)),
    (_FAULT, Event.READY): _LISTEN,
    (_FAULT, Event.OWNED): _TAKE_OVER,
    (_FAULT, Event.HINDERED): (_FAULT, (Action.LOG_STATE, Action.NOTIFY)),  # what was silent till a script's result
    (_FAULT, Event.STOPPED): _END,
}
"""A pair that is missing means that the event does not concern a router in that state."""
