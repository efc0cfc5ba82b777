"""One virtual router: what an instance does with adverts, time and changes of what it tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import VirtualAddress, VrrpInstance, VrrpState
from xdpvs.packet.vrrp import Decoded
from xdpvs.vrrp import assets
from xdpvs.vrrp.advertising import sending
from xdpvs.vrrp.commands import AnnounceArp, Command, Level, Log, Notice, Notify, Subject
from xdpvs.vrrp.counters import Counters
from xdpvs.vrrp.election import hear_as_backup, hear_as_master
from xdpvs.vrrp.garp import GarpSchedule
from xdpvs.vrrp.inspection import Datagram, Refused, inspect
from xdpvs.vrrp.log_limit import LogLimit
from xdpvs.vrrp.timing import OWNER_PRIORITY, master_down_s, own_interval_s, skew_time_s
from xdpvs.vrrp.tracking import Kind, Tracker, Value
from xdpvs.vrrp.transitions import TRANSITIONS, Action, Event

if TYPE_CHECKING:
    from xdpvs.vrrp.sync_group import SyncGroup

_SYNC_WISH_PRIORITY = 254
_NO_SOURCE = "no source address"


class VirtualRouter:
    """An instance in operation. `start` begins; each method returns what is to be done, in order."""

    def __init__(self, config: VrrpInstance, tracker: Tracker) -> None:
        self.config = config
        self.tracker = tracker
        self.counters = Counters()
        self.state = VrrpState.INIT
        self.since: float | None = None
        """When the state was entered."""
        self.group: SyncGroup | None = None
        self.source: IPAddress | None = config.source_address
        self.master: IPAddress | None = None
        """Who spoke last as a master that we followed."""
        self.master_priority = 0
        self.wants_master = config.initial_state is VrrpState.MASTER or config.priority == OWNER_PRIORITY
        """In a sync group: would be master if the others wanted so too."""
        self.master_interval_s = own_interval_s(config)
        self._base_priority = config.priority
        self._deadline: float | None = None
        self.preempt_at: float | None = None
        """When preempt_delay ends, once a lower advert was heard."""
        self._garp = GarpSchedule(config.garp)
        self._old_checksum = config.old_unicast_checksum is True
        self._notified = False
        self._fault_told = False
        self._log_limit = LogLimit()
        self.priority = self._effective_priority()
        self.tracker.set_hindrance(_NO_SOURCE, self.source is None)

    @property
    def name(self) -> str:
        """The instance's name."""
        return self.config.name

    @property
    def is_owner(self) -> bool:
        """Whether it owns the addresses."""
        return self._base_priority == OWNER_PRIORITY

    @property
    def is_blocked(self) -> bool:
        """Whether it cannot work, or does not know yet whether it can."""
        return bool(self.tracker.hindrances()) or self.tracker.is_pending()

    @property
    def vips(self) -> tuple[VirtualAddress, ...]:
        """All its addresses, those outside the advert included."""
        return assets.vips_of(self.config)

    # Time

    def next_timer(self) -> float | None:
        """When handle_timer has to be called."""
        return min((at for at in (self._deadline, self._garp.next_at()) if at is not None), default=None)

    def handle_timer(self, now: float) -> list[Command]:
        """What the time brings."""
        commands: list[Command] = []
        if self._deadline is not None and self._deadline <= now:
            commands += self._expire(now)
        return commands + self._announce(now)

    def _expire(self, now: float) -> list[Command]:
        group = self.group
        if self.state is VrrpState.BACKUP and group is not None:
            self.wants_master = True
            if not group.may_become_master(self):
                self._wait(now, self._master_down_s())
                return []
        return self.fire(Event.EXPIRED, now)

    # Adverts

    def receive(self, datagram: Datagram, now: float) -> list[Command]:
        """A packet with our VRID arrived at our interface."""
        if self.state not in (VrrpState.BACKUP, VrrpState.MASTER):
            return []
        try:
            decoded = inspect(self.config, datagram, known_master=self._is_known_master(datagram))
        except Refused as refused:
            self.counters.refused[refused.reason] += 1
            subject = f"{refused.reason} {datagram.source}"
            return self.log_limited(subject, Level.WARNING, f"advert from {datagram.source} ignored: {refused}", now)
        self.counters.received += 1
        commands = self._follow_checksum(decoded)
        advertisement = decoded.advertisement
        if advertisement.priority == 0:
            self.counters.zero_received += 1
        hear = hear_as_master if self.state is VrrpState.MASTER else hear_as_backup
        return commands + hear(self, advertisement, datagram.source, now)

    def _is_known_master(self, datagram: Datagram) -> bool:
        return self.state is VrrpState.BACKUP and datagram.source == self.master

    def _follow_checksum(self, decoded: Decoded) -> list[Command]:
        if not decoded.old_checksum or self._old_checksum:
            return []
        self._old_checksum = True
        return [self._log("a peer uses the old unicast checksum, so do we from now on")]

    def give_up_ownership(self, other: IPAddress) -> list[Command]:
        """Two routers own the same addresses: ours becomes an ordinary one."""
        self._base_priority = OWNER_PRIORITY - 1
        self.priority = self._effective_priority()
        text = f"CONFIGURATION ERROR: {other} is address owner as well, please fix - reducing local priority"
        return [self._log(text, Level.ERROR)]

    # What is tracked

    def start(self, now: float, *, event: Event | None = None) -> list[Command]:
        """Begin; in a sync group the group says with which event."""
        if event is None:
            event = self.settled_event()
        commands = self.fire(event, now)
        if self.state is VrrpState.BACKUP and self.group is not None and self.wants_master:
            skew_s = skew_time_s(self.config.version, _SYNC_WISH_PRIORITY, self.master_interval_s)
            self._wait(now, self.master_interval_s + skew_s)
        return commands

    def settled_event(self) -> Event:
        """What happens to a router that is neither backup nor master."""
        if self.is_blocked:
            return Event.HINDERED
        return Event.OWNED if self.is_owner else Event.READY

    def set_tracked(self, kind: Kind, name: str, value: Value, now: float) -> list[Command]:
        """Something tracked changed."""
        return self._retrack(now) if self.tracker.set(kind, name, value) else []

    def set_hindrance(self, reason: str, present: bool, now: float) -> list[Command]:
        """Something else came in the way, or went."""
        return self._retrack(now) if self.tracker.set_hindrance(reason, present) else []

    def set_source(self, address: IPAddress | None, now: float, *, present: bool = True) -> list[Command]:
        """The address adverts come from; present: whether the interface has it, which matters with track_src_ip."""
        if address is not None:
            self.source = address  # an address that is lost still serves to say goodbye
        missing = address is None or (self.config.track_source_address and not present)
        return self.set_hindrance(_NO_SOURCE, missing, now)

    def _retrack(self, now: float) -> list[Command]:
        commands = self._update_priority(now)
        return commands + self.settle(now)

    def settle(self, now: float) -> list[Command]:
        """Into FAULT or out of it, as the hindrances say; a sync group decides for all its members."""
        if self.state in (VrrpState.INIT, VrrpState.STOP):
            return []
        if self.group is not None:
            return self.group.settle(now)
        if self.is_blocked:
            return self.fire(Event.HINDERED, now) if self.has_news_of_fault() else []
        return self.fire(self.settled_event(), now) if self.state is VrrpState.FAULT else []

    def has_news_of_fault(self) -> bool:
        """Whether a hindered router is not in FAULT yet, or there without anybody having been told."""
        return self.state is not VrrpState.FAULT or (bool(self.tracker.hindrances()) and not self._fault_told)

    def _effective_priority(self) -> int:
        if self.is_owner:
            return OWNER_PRIORITY
        return min(max(self._base_priority + self.tracker.weight(), 1), OWNER_PRIORITY - 1)

    def _update_priority(self, now: float) -> list[Command]:
        before, down_before = self.priority, self._master_down_s()
        self.priority = self._effective_priority()
        if self.priority == before:
            return []
        if self.state is VrrpState.BACKUP and self._deadline is not None:
            self._deadline += self._master_down_s() - down_before
        commands: list[Command] = []
        if self.state in (VrrpState.BACKUP, VrrpState.MASTER):
            commands.append(self._log(f"Changing effective priority from {before} to {self.priority}"))
            if self.config.notifications.priority_changes:
                is_master = self.state is VrrpState.MASTER
                commands.append(self._notify(Notice.MASTER_PRIORITY if is_master else Notice.BACKUP_PRIORITY))
        return commands

    # The end, and other settings

    def stop(self, now: float, *, release: bool = True) -> list[Command]:
        """Leave. Without release the addresses stay, and nobody is invited to take over."""
        if not release:
            self.state = VrrpState.STOP
            self._garp.end()
            self._deadline = None
            return [self._notify(Notice.STOP)]
        return self.fire(Event.STOPPED, now)

    def remove(self, now: float) -> list[Command]:
        """The configuration no longer has this instance. keepalived has no word for that: it is told as FAULT."""
        if self.state in (VrrpState.FAULT, VrrpState.INIT):
            self._deadline = None
            return []
        return self.fire(Event.HINDERED, now)

    def reconfigure(self, config: VrrpInstance, tracker: Tracker, now: float) -> list[Command]:
        """Other settings for the same VRID, family and interface; the state stays, a master advertises at once.

        Afterwards the tracked values have to be settled: `settle`, or the group's.
        """
        old = self.config
        tracker.adopt(self.tracker)
        self.config, self.tracker = config, tracker
        self.source = config.source_address or self.source
        self._base_priority = config.priority
        if config.version != old.version or self.state is not VrrpState.BACKUP:
            self.master_interval_s = own_interval_s(config)
        if config.old_unicast_checksum is not None:
            self._old_checksum = config.old_unicast_checksum
        self.preempt_at = self.preempt_at if config.preempt_delay_s else None
        self.priority = self._effective_priority()
        if self.state is not VrrpState.MASTER:
            self._garp.timing = config.garp
            if self.state is VrrpState.BACKUP:
                self._wait(now, self._master_down_s())
            return []
        commands = self._advertise(now)
        commands += assets.difference(old, config)
        self._garp.change(config.garp, tuple(vip.address for vip in self.vips), now)
        return commands + self._announce(now)

    # Transitions

    def fire(self, event: Event, now: float) -> list[Command]:
        """Follow the table of transitions, and tell the group."""
        before = self.state
        entry = TRANSITIONS.get((before, event))
        if entry is None:
            return []
        self.state, actions = entry
        if self.state is not before:
            self.since = now
            self.preempt_at = None
            self._fault_told = False
            if self.state is VrrpState.FAULT:
                self.wants_master = self.is_owner
            self.counters.became_master += self.state is VrrpState.MASTER
            self.counters.released_master += before is VrrpState.MASTER
        commands: list[Command] = []
        for action in actions:
            commands += self._perform(action, before, now)
        if self.group is not None:
            commands += self.group.follow(self, before, event, now)
        return commands

    def _perform(self, action: Action, before: VrrpState, now: float) -> list[Command]:
        match action:
            case Action.LOG_STATE:
                return self._log_state(before)
            case Action.ADD:
                return self._add(now)
            case Action.REMOVE:
                return self._remove()
            case Action.ADVERTISE:
                return self._advertise(now)
            case Action.RESIGN:
                self.counters.zero_sent += 1
                return [*self.advertisement(0), self._log("sent 0 priority")]
            case Action.ANSWER_LOWER:
                return self._answer_lower(now)
            case Action.WAIT:
                self._wait(now, self._master_down_s())
            case Action.WAIT_FIRST:
                self.master_interval_s = own_interval_s(self.config)
                self._wait(now, self._master_down_s())
            case Action.WAIT_SKEW:
                self._wait(now, skew_time_s(self.config.version, self.priority, self.master_interval_s))
            case Action.REST:
                self._deadline = None
            case Action.NOTIFY:
                return self._notify_state()
        return []

    def _log_state(self, before: VrrpState) -> list[Command]:
        if self.state is VrrpState.FAULT:
            reasons = self.tracker.hindrances()
            if not reasons and self.tracker.is_pending():
                return []  # silently, until the first result of a script
            reason = f" ({', '.join(reasons)})" if reasons else ""
            return [self._log(f"Entering FAULT STATE{reason}", Level.WARNING)]
        init = " (init)" if before is VrrpState.INIT and self.state is VrrpState.BACKUP else ""
        return [self._log(f"Entering {self.state.value} STATE{init}")]

    def _add(self, now: float) -> list[Command]:
        self.master_interval_s = own_interval_s(self.config)
        self._garp.begin(tuple(vip.address for vip in self.vips), now)
        return assets.add(self.config) + self._announce(now)

    def _remove(self) -> list[Command]:
        self._garp.end()
        return assets.remove(self.config)

    def _advertise(self, now: float) -> list[Command]:
        self._wait(now, own_interval_s(self.config))
        return self.advertisement(self.priority)

    def _answer_lower(self, now: float) -> list[Command]:
        commands = [] if self.config.lower_prio_no_advert else self._advertise(now)
        commands += self.announce_again(now)
        if self.group is not None:
            commands += self.group.announce_again(self, now)
        return [*commands, self._notify(Notice.LOWER_PRIORITY_HEARD)]

    def announce_again(self, now: float) -> list[Command]:
        """ARP after a worse master was heard, here or by another member of the group."""
        self._garp.hear_lower(now)
        return self._announce(now)

    def _announce(self, now: float) -> list[Command]:
        return [AnnounceArp(self.name, burst.addresses, burst.repeat) for burst in self._garp.due(now)]

    def advertisement(self, priority: int) -> list[Command]:
        """An advert of that priority, if there is an address to send it from."""
        if self.source is None:
            return []
        self.counters.sent += 1
        return [sending(self.config, priority, self.source, old_checksum=self._old_checksum)]

    def _notify_state(self) -> list[Command]:
        if self.state is VrrpState.FAULT:
            if self.is_blocked and not self.tracker.hindrances():
                return []
            self._fault_told = True
        if self._notified and self.group is not None and self.group.state is self.state:
            return []
        self._notified = True
        return [self._notify(Notice(self.state.value))]

    def _notify(self, notice: Notice) -> Command:
        return Notify(Subject.INSTANCE, self.name, notice, self.priority, self.config.notifications)

    def _wait(self, now: float, duration_s: float) -> None:
        self._deadline = now + duration_s

    def _master_down_s(self) -> float:
        return master_down_s(self.config.version, self.priority, self.master_interval_s)

    def log_limited(self, subject: str, level: Level, text: str, now: float) -> list[Command]:
        """A line that others can cause as often as they like."""
        return self._log_limit.pass_on(subject, level, f"({self.name}) {text}", now)

    def _log(self, text: str, level: Level = Level.INFO) -> Command:
        return Log(level, f"({self.name}) {text}")
