"""What the services of a virtual_server have in common: scheduler, flags, persistence and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

from xdpvs.config.keepalived_conf.kinds import integer
from xdpvs.config.keepalived_conf.reading import Refused, Values
from xdpvs.config.keepalived_conf.service_keywords import FLAGS, PERSISTENCE_DEFAULT
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import Family, Protocol
from xdpvs.model.service import NO_MATCH, ForwardingMode, ProxyProtocol, Service, ServiceFlags, ServiceKey

Warn = Callable[[str], None]
_NO_FLAGS = ServiceFlags(0)


def services(
    keys: Sequence[ServiceKey], stated: Values, protocol: Protocol, forwarding: ForwardingMode, warn: Warn
) -> tuple[Service, ...]:
    """The services of the keys, as DPVS's keepalived sends them."""
    family = keys[0].family
    timeout: int = stated.get("persistence_timeout_s", PERSISTENCE_DEFAULT if "granularity" in stated else 0)
    without_port = any(not key.port and not key.fwmark for key in keys)
    if not timeout and without_port and forwarding is not ForwardingMode.SNAT:
        warn(f"no port needs persistence, persistence_timeout {PERSISTENCE_DEFAULT} is set")
        timeout = PERSISTENCE_DEFAULT
    scheduler: str = stated.get("scheduler", "wlc")
    flags = _flags(stated, scheduler, protocol, warn)
    if timeout:
        flags |= ServiceFlags.PERSISTENT
    if keys[0].match is not NO_MATCH:
        flags |= ServiceFlags.MATCH
    settings = (
        scheduler,
        flags,
        timeout,
        stated.get("conn_timeout_s", 0),
        _netmask(stated, family),
        stated.get("proxy_protocol", ProxyProtocol.OFF),
        stated.get("bps", 0),
        stated.get("limit_proportion", 100),
    )
    return tuple([Service(key, *settings) for key in keys])


def _netmask(stated: Values, family: Family) -> int:
    """Persistence granularity: an IPv4 mask, or a length of IPv6 prefixes."""
    word: str | None = stated.get("granularity")
    if word is None:
        return 128 if family == Family.INET6 else 0xFFFFFFFF
    try:
        if family == Family.INET6:
            return integer(word, 1, 128)
        mask = int(IPv4Address(word))
    except Refused as error:
        raise Refused(f"persistence_granularity {error}") from None
    except ValueError:
        raise Refused(f"persistence_granularity {shown(word)} is not a netmask") from None
    inverted = mask ^ 0xFFFFFFFF
    if not mask or inverted & (inverted + 1):
        raise Refused(f"persistence_granularity {shown(word)} is not a netmask")
    return mask


def _flags(stated: Values, scheduler: str, protocol: Protocol, warn: Warn) -> ServiceFlags:
    flags = _NO_FLAGS
    for word in () if FLAGS.keys().isdisjoint(stated) else FLAGS:
        if word not in stated:
            continue
        if word == "ops" and protocol is not Protocol.UDP:
            warn("ops needs UDP, ignored")
        elif word.startswith("mh-") and not _after_scheduler(stated, word, scheduler):
            warn(f"{word} belongs after lb_algo mh, ignored")
        else:
            flags |= FLAGS[word]
    if "sh-port" in stated:
        warn("sh-port belongs to lb_algo sh, ignored")
    if "sh-fallback" in stated:
        warn("sh-fallback belongs to lb_algo sh, ignored")
    if scheduler != "conhash":
        return flags
    target: ServiceFlags = stated.get("hash_target", ServiceFlags.SIP_HASH)
    if target is ServiceFlags.QID_HASH and protocol is not Protocol.UDP:
        warn("hash_target qid needs UDP, ignored")
        return flags
    return flags | target


def _after_scheduler(stated: Values, word: str, scheduler: str) -> bool:
    """keepalived looks at flags of a scheduler where they stand: before lb_algo they have none."""
    order = list(stated)
    return scheduler == "mh" and order.index("scheduler") < order.index(word)
