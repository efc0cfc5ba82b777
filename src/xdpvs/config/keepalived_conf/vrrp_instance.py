"""vrrp_instance: its defaults, and the model of it after keepalived's corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdpvs.config.keepalived_conf.reading import Block, Reader, Values
from xdpvs.config.keepalived_conf.vrrp_keywords import DEFAULT_PRIORITY, INSTANCE, NOTIFY, OWNER
from xdpvs.config.keepalived_conf.vrrp_tracking import Trackers
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import Family, IPAddress, family_of
from xdpvs.model.vrrp import AuthType, GarpTiming, Notifications, VirtualAddress, VrrpInstance, VrrpState

_MAX_ADDRESSES = {Family.INET: 255, Family.INET6: 89}
"""What one packet holds: the count is a byte; 16-byte addresses fill 1500 bytes before (keepalived's arithmetic)."""
_V2_MAX_S, _V3_MAX_S = 255.0, 40.95


@dataclass(frozen=True, slots=True)
class VrrpDefaults:
    """What global_defs and garp_group say for instances."""

    stated: Values
    garp_intervals: dict[str, tuple[float, float]]

    def smtp_alert(self) -> bool:
        return bool(self.stated.get("smtp_alert_vrrp", self.stated.get("smtp_alert", False)))


@dataclass(slots=True)
class _Draft:
    """An instance in the making: what is stated, and where to complain."""

    reader: Reader
    block: Block
    stated: Values
    defaults: VrrpDefaults
    strict: bool

    def warn(self, message: str) -> None:
        self.reader.warn(self.block.number, f"({shown(self.block.name)}) {message}")

    def number(self, name: str, default: int) -> int:
        """The instance's own value."""
        value: int = self.stated.get(name, default)
        return value

    def common(self, name: str, default: int) -> int:
        """The value of global_defs."""
        value: int = self.defaults.stated.get(name, default)
        return value

    def setting(self, name: str, default: object = False) -> object:
        """The instance's own value, else the global one of the same name with vrrp_ before it."""
        return self.stated.get(name, self.defaults.stated.get(f"vrrp_{name}", default))


def instance(reader: Reader, block: Block, defaults: VrrpDefaults, trackers: Trackers) -> VrrpInstance | None:
    """The instance of a block; None if something it cannot do without is missing, which is told."""
    events = len(reader.problems)
    stated = reader.read(INSTANCE, block, {})
    for keyword in ("interface", "virtual_router_id"):
        if keyword not in stated and len(reader.problems) == events:
            reader.problem(block.number, f"vrrp_instance {shown(block.name)} needs {keyword}")
    strict = bool(stated.get("strict_mode", defaults.stated.get("vrrp_strict", False)))
    if strict and "peers" in stated:
        reader.problem(block.number, f"vrrp_instance {shown(block.name)}: strict mode has no unicast_peer")
    draft = _Draft(reader, block, stated, defaults, strict)
    family = _family(draft)
    version = _version(draft, family)
    tracking = trackers.tracking(reader, stated)
    addresses, excluded = _addresses(draft, family, version)
    if len(reader.problems) > events:
        return None
    if "dpdk_interface" not in stated and (addresses or excluded):
        message = f"({shown(block.name)}) without dpdk_interface its addresses cannot be put into dpvs"
        reader.warn(block.number, message, fails_test=False)
    state, priority = _state_and_priority(draft)
    auth_type, password = _auth(draft, version, family, state, priority)
    nopreempt, preempt_delay = _preemption(draft, state, priority)
    source: IPAddress | None = stated.get("source")
    return VrrpInstance(
        name=block.name,
        interface=stated["interface"],
        virtual_router_id=stated["virtual_router_id"],
        dpdk_interface=stated.get("dpdk_interface", ""),
        version=version,
        family=family,
        initial_state=VrrpState.BACKUP if auth_type is AuthType.AH and priority != OWNER else state,
        priority=priority,
        advert_interval_s=_interval(draft, version),
        auth_type=auth_type,
        auth_password=password,
        addresses=addresses,
        excluded_addresses=excluded,
        routes=tuple(stated.get("routes", ())),
        nopreempt=nopreempt,
        preempt_delay_s=preempt_delay,
        garp=_garp(draft),
        lower_prio_no_advert=_strict_switch(draft, "lower_prio_no_advert", in_strict=True),
        higher_prio_send_advert=_strict_switch(draft, "higher_prio_send_advert", in_strict=False),
        source_address=source,
        track_source_address=source is not None and stated.get("track_src_ip", False),
        unicast_peers=tuple(peer for peer, _ in stated.get("peers", ())),
        check_unicast_source=bool(draft.setting("check_unicast_src")),
        old_unicast_checksum=stated.get("old_unicast_checksum"),
        multicast_group=_multicast_group(draft, family),
        skip_check_adv_addr=bool(draft.setting("skip_check_adv_addr")),
        strict=strict,
        tracking=tracking,
        track_interface_itself=not stated.get("dont_track_primary", False),
        notifications=notifications(stated, defaults),
    )


def notifications(stated: Values, defaults: VrrpDefaults) -> Notifications:
    """The programs and alerts of an instance or a sync group."""
    changes = bool(stated.get("notify_priority_changes", defaults.stated.get("vrrp_notify_priority_changes", False)))
    return Notifications(
        **{name: stated.get(name) for name in NOTIFY.values()},
        priority_changes=changes,
        smtp_alert=stated.get("smtp_alert", defaults.smtp_alert()),
    )


def _family(draft: _Draft) -> Family:
    """That of the first address; else native_ipv6, the source's, the peers', IPv4. All of them have to agree."""
    stated = draft.stated
    known: list[tuple[IPAddress, int]] = [(each.address, number) for each, number in stated.get("addresses", ())]
    others: list[tuple[IPAddress, int]] = list(stated.get("peers", ()))
    if "source" in stated:
        others.append((stated["source"], draft.block.number))
    first = next((address for address, _ in [*known, *others]), None)
    if not known and stated.get("native_ipv6"):
        family = Family.INET6
    else:
        family = Family.INET if first is None else family_of(first)
    for address, number in [*known, *others]:
        if family_of(address) != family:
            message = f"({shown(draft.block.name)}) {address} is of another family than the instance"
            draft.reader.problem(number, f"{message}; virtual_ipaddress_excluded may hold both")
    return family


def _version(draft: _Draft, family: Family) -> int:
    stated: int | None = draft.stated.get("version")
    if family is Family.INET6:
        if stated == 2 and draft.strict:
            draft.warn("IPv6 needs version 3 in strict mode, 3 is used")
            return 3
        return stated or 3
    return stated or int(draft.defaults.stated.get("vrrp_version", 2))


def _addresses(
    draft: _Draft, family: Family, version: int
) -> tuple[tuple[VirtualAddress, ...], tuple[VirtualAddress, ...]]:
    """Advertised and excluded addresses; what does not fit a packet is moved to the excluded ones."""
    advertised = [each for each, _ in draft.stated.get("addresses", ())]
    excluded = [each for each, _ in draft.stated.get("excluded", ())]
    if not advertised and (version == 3 or family is Family.INET6 or draft.strict):
        name = shown(draft.block.name)
        draft.reader.problem(draft.block.number, f"vrrp_instance {name} needs an address in virtual_ipaddress")
    limit = _MAX_ADDRESSES[family]
    if len(advertised) > limit:
        draft.warn(f"{len(advertised)} addresses are more than {limit}, the rest is not advertised")
        excluded = advertised[limit:] + excluded
        advertised = advertised[:limit]
    if family is Family.INET6 and advertised and "peers" not in draft.stated:
        first = advertised[0].address
        if not first.is_link_local:
            draft.warn(f"the first IPv6 address should be link-local, {first} is not")
    return _once(draft, advertised), _once(draft, excluded)


def _once(draft: _Draft, found: Sequence[VirtualAddress]) -> tuple[VirtualAddress, ...]:
    unique = dict.fromkeys(found)
    if len(unique) < len(found):
        draft.warn("an address stands twice")
    return tuple(unique)


def _state_and_priority(draft: _Draft) -> tuple[VrrpState, int]:
    state: VrrpState | None = draft.stated.get("state")
    default = OWNER if state is VrrpState.MASTER else DEFAULT_PRIORITY
    priority: int = draft.stated.get("priority", default)
    by_priority = VrrpState.MASTER if priority == OWNER else VrrpState.BACKUP
    if state is None:
        return by_priority, priority
    if draft.strict and state is not by_priority:
        draft.warn(
            f"state {state.value} does not go with priority {priority} in strict mode, {by_priority.value} is used"
        )
        return by_priority, priority
    return state, priority


def _auth(draft: _Draft, version: int, family: Family, state: VrrpState, priority: int) -> tuple[AuthType, str]:
    auth_type: AuthType = draft.stated.get("auth_type", AuthType.NONE)
    password: str = draft.stated.get("auth_pass", "")
    if auth_type is AuthType.NONE:
        return AuthType.NONE, ""
    reason = ""
    if draft.strict:
        reason = "in strict mode"
    elif version == 3:
        reason = "in version 3"
    elif not password:
        reason = "without a password"
    elif family is Family.INET6 and auth_type is AuthType.AH:
        reason = "of type AH with IPv6"
    if reason:
        draft.warn(f"no authentication {reason}, ignored")
        return AuthType.NONE, ""
    if auth_type is AuthType.AH and state is VrrpState.MASTER and priority != OWNER:
        draft.warn("state MASTER does not go with AH authentication, BACKUP is used")
    return auth_type, password


def _preemption(draft: _Draft, state: VrrpState, priority: int) -> tuple[bool, float]:
    words = list(draft.stated)
    nopreempt = bool(draft.stated.get("nopreempt", False))
    if nopreempt and "preempt" in draft.stated and words.index("preempt") > words.index("nopreempt"):
        nopreempt = False
    delay = float(draft.stated.get("preempt_delay", 0.0))
    if nopreempt and priority == OWNER:
        draft.warn(f"nopreempt does not go with priority {OWNER}, ignored")
        nopreempt = False
    if nopreempt and state is VrrpState.MASTER:
        draft.warn("nopreempt does not go with state MASTER, ignored")
        nopreempt = False
    for reason, applies in (
        ("state MASTER", state is VrrpState.MASTER),
        ("strict mode", draft.strict),
        ("nopreempt", nopreempt),
    ):
        if delay and applies:
            draft.warn(f"preempt_delay does not go with {reason}, ignored")
            delay = 0.0
    return nopreempt, delay


def _interval(draft: _Draft, version: int) -> float:
    """Whole seconds in version 2, hundredths in version 3."""
    stated = float(draft.stated.get("advert_int", 1.0))
    if version == 2:
        kept = min(max(float(int(stated + 0.5)), 1.0), _V2_MAX_S)
    else:
        kept = min(max(int(stated * 100 + 0.5) / 100, 0.01), _V3_MAX_S)
    if abs(kept - stated) > 1e-9:
        draft.warn(f"advert_int {stated:g} becomes {kept:g} in version {version}")
    return kept


def _garp(draft: _Draft) -> GarpTiming:
    minimal = draft.defaults.stated.get("vrrp_min_garp", False)
    delay = draft.common("garp_master_delay", 0 if minimal else 5)
    repeat = draft.common("garp_master_repeat", 1 if minimal else 5)
    intervals = draft.defaults.garp_intervals
    common = draft.defaults.stated
    default: tuple[float, float] = (common.get("vrrp_garp_interval", 0.0), common.get("vrrp_gna_interval", 0.0))
    stated = draft.stated
    garp, gna = intervals.get(stated.get("dpdk_interface", ""), intervals.get(stated["interface"], default))
    return GarpTiming(
        master_delay_s=float(draft.number("garp_master_delay", delay)),
        master_repeat=draft.number("garp_master_repeat", repeat),
        master_refresh_s=float(draft.number("garp_master_refresh", draft.common("garp_master_refresh", 0))),
        master_refresh_repeat=draft.number("garp_master_refresh_repeat", draft.common("garp_master_refresh_repeat", 1)),
        lower_prio_delay_s=float(_lower(draft, "garp_lower_prio_delay", delay)),
        lower_prio_repeat=_lower(draft, "garp_lower_prio_repeat", repeat),
        interval_s=garp,
        gna_interval_s=gna,
    )


def _lower(draft: _Draft, name: str, default: int) -> int:
    if draft.strict:
        if draft.stated.get(name):
            draft.warn(f"{name} does not go with strict mode, 0 is used")
        return 0
    return draft.number(name, draft.common(name, default))


def _strict_switch(draft: _Draft, name: str, *, in_strict: bool) -> bool:
    if not draft.strict:
        return bool(draft.setting(name))
    if draft.stated.get(name, in_strict) != in_strict:
        draft.warn(f"{name} does not go with strict mode, ignored")
    return in_strict


def _multicast_group(draft: _Draft, family: Family) -> IPAddress | None:
    own: IPAddress | None = draft.stated.get("multicast_group")
    if own is not None and (family_of(own) != family or not own.is_multicast):
        draft.warn(f"mcast_dst_ip {own} is not a multicast address of the instance's family, ignored")
        own = None
    common: IPAddress | None = draft.defaults.stated.get("mcast_group4" if family is Family.INET else "mcast_group6")
    return own or common
